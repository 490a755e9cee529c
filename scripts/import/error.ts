/** A file, or an option, that cannot be imported. The message says what to do. */
export class ImportError extends Error {
  override readonly name = 'ImportError';
}
