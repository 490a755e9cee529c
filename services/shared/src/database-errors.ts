/** The database cannot be reached, or refused or dropped the connection: a later retry may succeed. */
export class DatabaseUnavailableError extends Error {
  override name = 'DatabaseUnavailableError';
  readonly statusCode = 503;

  constructor(cause: unknown) {
    super(`the database is not available: ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause,
    });
  }
}

/**
 * SQLSTATEs of the connection or the server, not of the statement (PostgreSQL, appendix A): 08 connection exceptions,
 * 57P01–57P03 shutting down or starting, 53300 too many connections, 57014 the statement timeout, and 25006 a
 * connection to a writer that became a reader after an Aurora failover.
 */
const UNAVAILABLE_STATES = /^(08...|57P0[123]|57014|53300|25006)$/;
const NETWORK_CODES = /^E(CONN|TIMEDOUT|PIPE|HOSTUNREACH|NETUNREACH|NOTFOUND|AI_AGAIN)/;

/** pg's own messages, without a code, for a connection that is closed or does not respond. */
const PG_MESSAGES =
  /Connection terminated|timeout exceeded when trying to connect|Query read timeout|not queryable/;

export function isUnavailable(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = sqlState(error);
  return code === undefined
    ? PG_MESSAGES.test(error.message)
    : UNAVAILABLE_STATES.test(code) || NETWORK_CODES.test(code);
}

/** Whether PostgreSQL refused a duplicate row. */
export function isUniqueViolation(error: unknown, constraint: string): boolean {
  return sqlState(error) === '23505' && (error as { constraint?: string }).constraint === constraint;
}

/** Whether the login was refused (SQLSTATE class 28): a changed password, or a role without login permission. */
export function isLoginRefused(error: unknown): boolean {
  return /^28/.test(sqlState(error) ?? '');
}

function sqlState(error: unknown): string | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : undefined;
}
