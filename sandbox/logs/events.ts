import type { Input } from '../service.ts';
import { AwsError, textOf } from '../service.ts';
import { page } from '../services/page.ts';
import type { LogEvent, LogStream } from './log-groups.ts';

const MOST_EVENTS = 10_000;

/** One page of a stream. The tokens name places in it, and stay the same at its ends, as those of AWS do. */
export function eventsOf(stream: LogStream, input: Input): object {
  const limit = Number(input.limit ?? MOST_EVENTS);
  const events = within(stream.events, input);
  const token = textOf(input.nextToken);
  const { start, end } =
    token === undefined ? firstPage(events, limit, input) : placeOf(token, events, limit);
  return {
    events: events
      .slice(start, end)
      .map(({ timestamp, ingestionTime, message }) => ({ timestamp, ingestionTime, message })),
    nextForwardToken: `f/${String(end)}`,
    nextBackwardToken: `b/${String(start)}`,
  };
}

function firstPage(events: readonly LogEvent[], limit: number, input: Input): { start: number; end: number } {
  if (input.startFromHead === true) return { start: 0, end: Math.min(limit, events.length) };
  return { start: Math.max(0, events.length - limit), end: events.length };
}

function placeOf(token: string, events: readonly LogEvent[], limit: number): { start: number; end: number } {
  const [, direction, text] = /^([fb])\/(\d+)$/.exec(token) ?? [];
  if (text === undefined) {
    throw new AwsError('InvalidParameterException', 'The specified nextToken is invalid.');
  }
  const place = Math.min(Number(text), events.length);
  return direction === 'f'
    ? { start: place, end: Math.min(place + limit, events.length) }
    : { start: Math.max(0, place - limit), end: place };
}

/** One page of the events of several streams, by time. The pattern is a text, or several that all must be there. */
export function filterEvents(streams: readonly LogStream[], input: Input): object {
  const terms = (textOf(input.filterPattern) ?? '').match(/"[^"]*"|\S+/g) ?? [];
  const wanted = terms.map((term) => term.replace(/^"|"$/g, ''));
  const found = streams
    .flatMap(({ name, events }) => within(events, input).map((event) => ({ name, event })))
    .filter(({ event }) => wanted.every((term) => event.message.includes(term)))
    .sort((a, b) => a.event.timestamp - b.event.timestamp || a.event.id.localeCompare(b.event.id));
  const { items, nextToken } = page(found, { token: input.nextToken, limit: input.limit, most: MOST_EVENTS });
  return {
    events: items.map(({ name, event }) => {
      const { id, timestamp, ingestionTime, message } = event;
      return { logStreamName: name, timestamp, message, ingestionTime, eventId: id };
    }),
    searchedLogStreams: [],
    nextToken,
  };
}

function within(events: readonly LogEvent[], { startTime, endTime }: Input): LogEvent[] {
  return events.filter(
    ({ timestamp }) =>
      (startTime === undefined || timestamp >= Number(startTime)) &&
      (endTime === undefined || timestamp < Number(endTime)),
  );
}
