const HEX = '0123456789abcdef';

/** A seeded stream of numbers (mulberry32), so that two runs of one scenario draw the same ids and faults. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** The next number in [0, 1). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let bits = this.#state;
    bits = Math.imul(bits ^ (bits >>> 15), bits | 1);
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61);
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A text of `length` characters out of an alphabet. */
  text(length: number, alphabet = HEX): string {
    return Array.from({ length }, () => alphabet.charAt(Math.floor(this.next() * alphabet.length))).join('');
  }

  /** A UUID of version 4. */
  uuid(): string {
    const variant = this.text(1, '89ab');
    return `${this.text(8)}-${this.text(4)}-4${this.text(3)}-${variant}${this.text(3)}-${this.text(12)}`;
  }
}
