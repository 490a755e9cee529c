/**
 * Limits that no busy machine reaches: most tests are about what happens, not about how fast. A test about a limit
 * sets that one itself.
 */
export const patience = {
  DB_CONNECT_TIMEOUT_MS: '60000',
  DB_STATEMENT_TIMEOUT_MS: '60000',
  CALL_TIMEOUT_MS: '20000',
  SHUTDOWN_TIMEOUT_MS: '60000',
};
