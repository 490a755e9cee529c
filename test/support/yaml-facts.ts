/**
 * How CloudFormation reads YAML, with sources. The product and the sandbox are each tested with these facts, not with
 * each other.
 */

/**
 * An unquoted scalar as written, and CloudFormation's text for it. The patterns are those of SnakeYAML's Resolver.java;
 * `seen` cites an observation of CloudFormation itself.
 */
export const SCALARS: readonly { written: string; text: string; seen?: string }[] = [
  // ljmc.bearblog.dev/yaml-booleans-in-cloudformation-templates
  ...['yes', 'Yes', 'YES', 'true', 'True', 'TRUE', 'on', 'On', 'ON'].map((written) => ({
    written,
    text: 'true',
    seen: 'ASFHyP3/hyp3 pull request 2061',
  })),
  ...['no', 'No', 'NO', 'false', 'False', 'FALSE', 'off', 'Off', 'OFF'].map((written) => ({
    written,
    text: 'false',
    seen: 'alienplatform/alien pull request 302',
  })),
  ...['y', 'Y', 'n', 'N', 'yEs', 'oN'].map((written) => ({ written, text: written })),
  ...['.', '..', 'e1', 'E5', '1e', '0x', '0b', '+', '_'].map((written) => ({ written, text: written })),
  { written: '0', text: '0' },
  { written: '-17', text: '-17' },
  { written: '+17', text: '17' },
  { written: '1_000', text: '1000' },
  { written: '12345678901234567890', text: '12345678901234567890' },
  {
    written: '0300',
    text: '192',
    seen: 'dev.classmethod.jp, how-to-identify-numerical-values-in-cfn-yaml-template',
  },
  { written: '065115117704', text: '7133765572', seen: 'DataDog/cloudformation-template pull request 109' },
  { written: '000000000001', text: '1', seen: 'www.skyarch.net/blog/?p=20495' },
  { written: '000000000011', text: '9', seen: 'www.skyarch.net/blog/?p=20495' },
  { written: '000000000012', text: '10', seen: 'www.skyarch.net/blog/?p=20495' },
  // Not octal, because of the 8 or the 9: docs/decisions/0021 has reports that differ.
  ...['012345678901', '054676820928', '0800'].map((written) => ({ written, text: written })),
  { written: '0xFF', text: '255' },
  { written: '0b101', text: '5' },
  { written: '1:30', text: '90' },
  { written: '190:20:30', text: '685230' },
  { written: '1.5', text: '1.5' },
  { written: '1.10', text: '1.1' },
  { written: '1.', text: '1.0' },
  { written: '.5', text: '0.5' },
  { written: '8.0', text: '8.0' },
  { written: '-0.25', text: '-0.25' },
  { written: '1e3', text: '1000.0' },
  { written: '12e03', text: '12000.0' },
  { written: '1.5e-4', text: '1.5E-4' },
  { written: '10000000.0', text: '1.0E7' },
  { written: '1:30.5', text: '90.5' },
  { written: '.inf', text: 'Infinity' },
  { written: '-.Inf', text: '-Infinity' },
  { written: '.NaN', text: 'NaN' },
  // "Template format", User Guide: the timestamp tag is not supported.
  ...['2012-10-17', '2010-09-09', '2001-12-14 21:59:43'].map((written) => ({ written, text: written })),
  ...['0755a', '1.2.3', '1.2.3.4/16', '::1', '10.0.0.0/8', '0o17', '09:30:15Z'].map((written) => ({
    written,
    text: written,
  })),
];

/** Texts that SnakeYAML accepts, each with its value. Scalars of the values are texts. */
export const SHAPES: readonly { name: string; text: string; value: unknown }[] = [
  {
    name: 'a flow collection that ends at the column of its key',
    text: 'A:\n  B: [{\n    C: d\n  }]\n',
    value: { A: { B: [{ C: 'd' }] } },
  },
  {
    name: 'a flow collection that continues at the first column',
    text: 'A:\n  B: [one,\ntwo, # a comment\n{C: "it\'s"}]\nD: e\n',
    value: { A: { B: ['one', 'two', { C: "it's" }] }, D: 'e' },
  },
  {
    name: 'a quoted scalar that ends at the column of its key',
    text: 'A:\n  B: \'{\n    "x": ["y"]\n  }\'\n  C: d\n',
    value: { A: { B: '{ "x": ["y"] }', C: 'd' } },
  },
  {
    name: 'a double-quoted scalar at the first column',
    text: 'A:\n  - B: "one \\\n  two \\"\n\nthree"\n    C: d\n',
    value: { A: [{ B: 'one two "\nthree', C: 'd' }] },
  },
  {
    name: 'two such places, the second after a block scalar with brackets',
    text: "A:\n  B: {\n  }\n  C: |\n    [it's\n    {\n  D: [\n  x\n  ]\n",
    value: { A: { B: {}, C: "[it's\n{\n", D: ['x'] } },
  },
  {
    name: 'a text over several lines with an apostrophe',
    text: "A: this\n  isn't 'quoted\nB: [\n]\n",
    value: { A: "this isn't 'quoted", B: [] },
  },
  {
    name: 'the last of duplicate keys',
    text: 'A: 1\nB: { C: x }\nA: 2\nB: { D: y }\n',
    value: { A: '2', B: { D: 'y' } },
  },
  {
    name: 'keys that look like booleans',
    text: 'Y: a\nN: b\nOn: c\nno: d\n',
    value: { Y: 'a', N: 'b', On: 'c', no: 'd' },
  },
  { name: 'a byte order mark', text: '\uFEFFA: b\n', value: { A: 'b' } },
  {
    name: 'Windows line ends',
    text: 'A:\r\n  - b\r\n  - |\r\n    c\r\n    d\r\n',
    value: { A: ['b', 'c\nd\n'] },
  },
  {
    name: 'Windows line ends in quotes',
    text: "A: 'b\r\n\r\nc'\r\nD: [\r\n]\r\n",
    value: { A: 'b\nc', D: [] },
  },
  { name: 'JSON with tabs', text: '{\n\t"A": [\n\t\t"b"\n\t]\n}', value: { A: ['b'] } },
  { name: 'JSON with a key given twice', text: '{"A": "b", "A": "c"}', value: { A: 'c' } },
  {
    name: 'JSON numbers',
    text: '{"A": [1, 1.10, 12345678901234567890, true]}',
    value: { A: ['1', '1.1', '12345678901234567890', 'true'] },
  },
];

/** Texts that SnakeYAML refuses. */
export const REFUSED: readonly { name: string; text: string }[] = [
  { name: 'a bracket that is never closed', text: 'A:\n  B: [1, 2\nC: d\n' },
  { name: 'a quote that is never closed', text: "A:\n  B: 'x\nC: d\n" },
  { name: 'a key with a different indentation', text: 'A:\n  B: c\n   D: e\n' },
  { name: 'a map in a plain scalar', text: 'A: b: c\n' },
  { name: 'a tab as indentation', text: 'A:\n\tB: c\n' },
];
