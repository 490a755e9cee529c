/**
 * Formats a service's JSON log line for people: time, level, service and message; for requests also method, route,
 * status and duration.
 */
export function readableLine(service: string, line: string): string {
  const label = service.padEnd(16);
  let entry: Record<string, unknown>;
  try {
    entry = JSON.parse(line) as Record<string, unknown>;
  } catch {
    return `${label}${line}`;
  }
  const { message, method, route, status, duration_ms: duration, err } = entry;
  if (message === 'answered')
    return `${label}${String(method)} ${String(route)} ${String(status)} ${String(duration)} ms`;
  const reason = (err as { message?: string } | undefined)?.message;
  return `${label}${String(message)}${reason === undefined ? '' : `: ${reason}`}`;
}
