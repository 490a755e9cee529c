import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const ROOT = resolve(import.meta.dirname, '../..');

/** A fenced code block and its first line. */
interface Block {
  language: string;
  text: string;
  line: number;
}

/** A Markdown file of the repository, with and without its code. */
export interface MarkdownPage {
  file: string;
  /** Its lines, with those of code blocks emptied. */
  prose: string;
  blocks: readonly Block[];
}

/** All Markdown files of the repository. */
export function markdownPages(): MarkdownPage[] {
  return execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '*.md'], {
    cwd: ROOT,
    encoding: 'utf8',
  })
    .split('\n')
    .filter((file) => file !== '' && existsSync(join(ROOT, file)))
    .map((file) => readMarkdown(file, readFileSync(join(ROOT, file), 'utf8')));
}

export function readMarkdown(file: string, text: string): MarkdownPage {
  const blocks: Block[] = [];
  const prose: string[] = [];
  let open: { fence: string; indent: number; language: string; lines: string[]; line: number } | undefined;
  for (const [index, line] of text.split('\n').entries()) {
    const [, indent = '', fence = '', language = ''] = /^( *)(`{3,})(\w*)/.exec(line) ?? [];
    if (open) {
      prose.push('');
      if (line.trim() === open.fence) {
        blocks.push({ language: open.language, text: `${open.lines.join('\n')}\n`, line: open.line });
        open = undefined;
      } else open.lines.push(line.slice(open.indent));
    } else if (fence === '') prose.push(line);
    else {
      prose.push('');
      open = { fence, indent: indent.length, language, lines: [], line: index + 1 };
    }
  }
  if (open) throw new Error(`${file}:${open.line}: the code block has no end`);
  return { file, prose: prose.join('\n'), blocks };
}
