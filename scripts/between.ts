/** A page with `text` between its markers `<!-- marker -->` and `<!-- /marker -->`. @throws Error without the markers. */
export function between(page: string, marker: string, text: string): string {
  const pattern = new RegExp(`(<!-- ${marker} -->\n)[\\s\\S]*?(<!-- /${marker} -->)`);
  if (!pattern.test(page)) throw new Error(`the marker <!-- ${marker} --> is missing`);
  return page.replace(pattern, (_, start: string, end: string) => `${start}\n${text}\n\n${end}`);
}
