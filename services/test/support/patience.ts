/**
 * Timeouts that are not reached even on a busy machine: most tests check behaviour, not speed. A test of a timeout
 * sets its own.
 */
export const patience = {
  DB_CONNECT_TIMEOUT_MS: '60000',
  DB_STATEMENT_TIMEOUT_MS: '60000',
  CALL_TIMEOUT_MS: '20000',
  SHUTDOWN_TIMEOUT_MS: '60000',
};
