/** The style of the page, in light and dark. Below 44rem, the rows of tables become cards: nothing scrolls sideways. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --page: #fff; --text: #1f2328; --quiet: #59636e; --line: #d1d9e0; --soft: #f6f8fa; --link: #0550ae;
  --good: #116329; --good-soft: #dafbe1; --halted: #7d4e00; --halted-soft: #fff8c5; --failed: #a40e26; --failed-soft: #ffebe9;
  --changing: #0969da;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #0d1117; --text: #e6edf3; --quiet: #9da7b1; --line: #3d444d; --soft: #161b22; --link: #79b8ff;
    --good: #56d364; --good-soft: #12261e; --halted: #e3b341; --halted-soft: #2e2a1f; --failed: #ff9492; --failed-soft: #33191d;
    --changing: #58a6ff;
  }
}
* { box-sizing: border-box; }
body { font: 16px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 76rem; padding: 1.6rem 1.5rem 4rem; color: var(--text); background: var(--page); overflow-wrap: break-word; }
h1 { margin: 0; font-size: 1.8rem; letter-spacing: -0.02em; line-height: 1.2; }
h2 { font-size: 1.2rem; margin: 1.8rem 0 .6rem; }
h3 { font-size: 1rem; margin: 0; }
p { margin: .4rem 0; } header p { max-width: 80ch; }
a { color: var(--link); }
a:focus-visible, summary:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; border-radius: .2rem; }
small, .facts, .note { color: var(--quiet); font-weight: 400; }
small, .facts { font-size: .88rem; }
.timeline ol { list-style: none; margin: 0; padding: 0; }
.timeline > ol > li { display: grid; grid-template-columns: 15rem 1fr; gap: 1rem; padding: .6rem 0; border-top: 1px solid var(--line); }
.timeline > ol > li > ol { display: grid; grid-template-columns: repeat(3, minmax(0, 1fr)); gap: 1.6rem; }
.timeline .release p { color: var(--quiet); font-size: .88rem; margin: .1rem 0 0; }
.timeline > ol > li > ol > li { position: relative; display: flex; flex-direction: column; align-items: flex-start; gap: .25rem; font-size: .92rem; }
.timeline > ol > li > ol > li:not(:last-child)::after { content: '→' / ''; position: absolute; right: -1.3rem; top: 0; color: var(--quiet); }
.timeline strong { font-size: .8rem; font-weight: 600; color: var(--quiet); }
.timeline li li > span { color: var(--quiet); }
.mark, .badge { display: inline-block; border-radius: .35rem; padding: .05rem .5rem; border: 1px solid currentColor; font-weight: 600; }
.mark { text-decoration: none; } .mark:hover { text-decoration: underline; }
.badge { font-size: .85rem; }
.good { color: var(--good); background: var(--good-soft); }
.halted { color: var(--halted); background: var(--halted-soft); }
.failed { color: var(--failed); background: var(--failed-soft); }
.dot { display: inline-block; width: .7em; height: .7em; border-radius: 50%; background: currentColor; }
.dot.changing { color: var(--changing); } .dot.failed { border-radius: 0; }
table { border-collapse: collapse; width: 100%; margin: .6rem 0; font-size: .92rem; }
th, td { text-align: left; padding: .4rem .6rem; border-bottom: 1px solid var(--line); vertical-align: top; overflow-wrap: anywhere; }
th { font-weight: 600; color: var(--quiet); }
.chapter th { padding-top: 1.2rem; color: var(--text); border-bottom: 2px solid var(--line); }
.steps thead th, .steps td:first-child, .steps td:nth-child(n + 3):nth-child(-n + 5) { white-space: nowrap; font-variant-numeric: tabular-nums; }
.steps td:nth-child(2) { min-width: 14rem; }
.steps td:last-child { width: 45%; }
.step { border: 1px solid var(--line); border-radius: .5rem; padding: .1rem 1rem; margin: .5rem 0; }
.step > summary { padding: .45rem 0; font-weight: 600; }
details > summary { cursor: pointer; }
.summary { scroll-margin-top: 4rem; } .summary h3, .summary h4 { margin: 1rem 0 .4rem; }
pre, code, .lines { font: .85em/1.5 ui-monospace, monospace; background: var(--soft); border-radius: .3rem; }
code { padding: .1rem .3rem; overflow-wrap: anywhere; }
pre, .lines { padding: .8rem; white-space: pre-wrap; overflow-wrap: anywhere; } pre code { padding: 0; background: none; }
.log { margin: .6rem 0 1rem; } .lines { margin-top: .5rem; } .lines details { padding-left: 1rem; }
.lines .error { color: var(--failed); background: none; } .lines .warning { color: var(--halted); } .lines .notice { color: var(--link); }
@media (max-width: 44rem) {
  body { padding: 1rem .9rem 3rem; }
  .timeline > ol > li { grid-template-columns: 1fr; gap: .5rem; }
  h1 { font-size: 1.3rem; } h2 { margin: .8rem 0 .4rem; font-size: 1.1rem; }
  header p { font-size: .88rem; line-height: 1.4; } header .facts { font-size: .78rem; }
  .timeline > ol > li { padding: .3rem 0; gap: .15rem; }
  .timeline > ol > li > ol { grid-template-columns: 1fr; gap: .2rem; }
  .timeline > ol > li > ol > li { flex-flow: row wrap; align-items: baseline; padding-left: 4.2rem; }
  .timeline strong { position: absolute; left: 0; top: .1rem; }
  .timeline > ol > li > ol > li.uninvolved { display: none; }
  .timeline > ol > li > ol > li:not(:last-child)::after { content: none; }
  .mark { padding: .05rem .35rem; font-size: .86rem; }
  table, tbody, tr, td { display: block; }
  thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  .chapter th { display: block; padding-left: 0; }
  tr { padding: .5rem 0; border-bottom: 1px solid var(--line); } tr.chapter { border: 0; padding: 0; }
  td { display: grid; grid-template-columns: 6.5rem minmax(0, 1fr); gap: .6rem; border: 0; padding: .12rem 0; }
  td::before { content: attr(data-label); color: var(--quiet); }
  .steps thead th { white-space: normal; } .steps td:last-child { width: auto; } .steps td:nth-child(2) { min-width: 0; }
}
`;
