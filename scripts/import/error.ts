/** A file or an option that cannot be imported. The message contains the fix. */
export class ImportError extends Error {
  override readonly name = 'ImportError';
}
