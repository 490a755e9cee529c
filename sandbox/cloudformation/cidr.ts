import { badTemplate } from './failures.ts';

const FAMILIES = { 4: 32, 6: 128 } as const;
const MOST = 256;

/**
 * `Fn::Cidr`: the first `count` blocks of `bits` host bits in an IPv4 or IPv6 block. Without `bits` it takes AWS's
 * defaults: 8 for IPv4, 64 for IPv6.
 */
export function cidrBlocks(block: string, count: number, bits?: number): string[] {
  const { address, prefix, family } = parseBlock(block);
  const hostBits = bits ?? (family === 4 ? 8 : 64);
  const width = FAMILIES[family];
  if (!Number.isInteger(count) || count < 1 || count > MOST) {
    throw badTemplate(`Fn::Cidr: count ${String(count)} must be a whole number from 1 to ${MOST}`);
  }
  if (!Number.isInteger(hostBits) || hostBits < 1 || hostBits > width) {
    throw badTemplate(`Fn::Cidr: cidrBits ${String(hostBits)} must be a whole number from 1 to ${width}`);
  }
  const available = width - prefix - hostBits;
  if (available < 0 || BigInt(count) > 1n << BigInt(available)) {
    throw badTemplate(`Fn::Cidr: ${block} has not enough addresses for ${count} blocks of ${hostBits} bits`);
  }
  const size = 1n << BigInt(hostBits);
  const format = family === 4 ? formatV4 : formatV6;
  return Array.from(
    { length: count },
    (_, index) => `${format(address + BigInt(index) * size)}/${width - hostBits}`,
  );
}

function parseBlock(block: string): { address: bigint; prefix: number; family: 4 | 6 } {
  const [text = '', mask = ''] = block.split('/');
  const family = text.includes(':') ? 6 : 4;
  const number = family === 6 ? parseV6(text) : parseV4(text);
  const prefix = Number(mask);
  const width = FAMILIES[family];
  if (number === undefined || !/^\d+$/.test(mask) || prefix > width) {
    throw badTemplate(`Fn::Cidr: invalid CIDR block ${block}`);
  }
  const host = BigInt(width - prefix);
  return { address: (number >> host) << host, prefix, family };
}

function parseV4(text: string): bigint | undefined {
  const parts = text.split('.');
  if (parts.length !== 4 || !parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) < 256))
    return undefined;
  return parts.reduce((sum, part) => (sum << 8n) + BigInt(part), 0n);
}

function parseV6(text: string): bigint | undefined {
  const [head = '', tail, more] = text.split('::');
  if (more !== undefined) return undefined;
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const missing = 8 - left.length - right.length;
  if (tail === undefined ? missing !== 0 : missing < 1) return undefined;
  const groups = [...left, ...Array.from({ length: missing }, () => '0'), ...right];
  if (!groups.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return undefined;
  return groups.reduce((sum, group) => (sum << 16n) + BigInt(`0x${group}`), 0n);
}

function formatV4(value: bigint): string {
  return [24n, 16n, 8n, 0n].map((shift) => String((value >> shift) & 255n)).join('.');
}

/** The short form of RFC 5952: the longest run of zero groups as `::`. */
function formatV6(value: bigint): string {
  const groups = Array.from({ length: 8 }, (_, index) =>
    ((value >> BigInt(112 - index * 16)) & 0xffffn).toString(16),
  );
  const text = groups.join(':');
  const runs = [...text.matchAll(/(?<![0-9a-f])0(?::0)+(?![0-9a-f])/g)];
  const longest = runs.reduce((best, run) => (best && best[0].length >= run[0].length ? best : run), runs[0]);
  if (!longest) return text;
  const after = text.slice(longest.index + longest[0].length);
  return `${text.slice(0, longest.index).replace(/:$/, '')}::${after.replace(/^:/, '')}`;
}
