import {
  type Document,
  isCollection,
  isMap,
  isNode,
  isScalar,
  parseDocument,
  stringify,
  type YAMLMap,
} from 'yaml';

/**
 * The text of a YAML file with one more entry at the end of a section. The rest of the text is not changed, including
 * comments and layout; only a section in braces, or a missing one, is rewritten.
 */
export function addEntry(text: string, section: string, name: string, value: object): string {
  const document = parseDocument(text);
  const node = document.get(section, true);
  const last = isMap(node) && node.flow !== true ? node.items.at(-1) : undefined;
  if (!last || !isScalar(last.key)) return rewritten(document, section, name, value);
  const indent = columnOf(text, last.key.range?.[0] ?? 0);
  const end = isNode(last.value) ? (last.value.range?.[1] ?? text.length) : text.length;
  const lineEnd = text.indexOf('\n', end - 1);
  const at = lineEnd === -1 ? text.length : lineEnd + 1;
  const before = text.slice(0, at);
  const separator = before.endsWith('\n') ? '' : '\n';
  return before + separator + indented({ [name]: value }, indent) + text.slice(at);
}

function columnOf(text: string, offset: number): number {
  return offset - (text.lastIndexOf('\n', offset - 1) + 1);
}

/** Lists and maps in an entry are on one line each, as in the reference platform. */
function indented(entry: object, columns: number): string {
  const document = parseDocument(stringify(entry));
  const [pair] = (document.contents as unknown as YAMLMap).items;
  for (const { value } of isMap(pair?.value) ? pair.value.items : []) {
    if (isCollection(value)) value.flow = true;
  }
  // A list has no spaces inside its brackets, as formatters write it.
  const text = document.toString({ lineWidth: 0 }).replaceAll('[ ', '[').replaceAll(' ]', ']');
  return text.replaceAll(/^(?=.)/gm, ' '.repeat(columns));
}

function rewritten(document: Document, section: string, name: string, value: object): string {
  const node = document.get(section);
  if (isMap(node) && node.items.length === 0) node.flow = false;
  document.setIn([section, name], document.createNode(value));
  return document.toString({ lineWidth: 0 });
}
