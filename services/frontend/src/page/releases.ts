import { request } from './api.ts';
import { config } from './config.ts';
import { element, part } from './element.ts';

interface Release {
  service: string;
  version: string;
  startedAt: string;
  commit?: string;
  image?: string;
  digest?: string;
}

const sources = [
  { service: 'frontend', path: '/version' },
  { service: 'user-service', path: '/api/users/version' },
  { service: 'product-service', path: '/api/products/version' },
  { service: 'order-service', path: '/api/orders/version' },
];

/** Number of hexadecimal digits of the digest that are shown: enough to distinguish images and to compare by eye. */
const SHOWN_DIGITS = 12;

const seen = new Map<string, string>();

/** Shows the running release of each service, refreshes it every few seconds, and highlights changes. */
export function watchReleases(): void {
  const cards = sources.map(({ service, path }) => ({
    path,
    service,
    card: element('li', { class: 'release' }),
  }));
  part('releases').replaceChildren(...cards.map(({ card }) => card));
  const look = () => Promise.all(cards.map(({ service, path, card }) => refresh(service, path, card)));
  void look();
  setInterval(() => void look(), config.refreshSeconds * 1000);
}

async function refresh(service: string, path: string, card: HTMLElement): Promise<void> {
  let release: Release | undefined;
  try {
    release = await request<Release>(path);
  } catch {
    release = undefined;
  }
  card.replaceChildren(...(release === undefined ? away(service) : describe(release)));
  card.classList.toggle('away', release === undefined);
  if (release !== undefined) markChange(service, release, card);
}

function away(service: string): HTMLElement[] {
  return [element('strong', {}, service), element('span', { class: 'version' }, 'not responding')];
}

function describe({ service, version, digest, commit, startedAt }: Release): HTMLElement[] {
  const since = new Date(startedAt).toLocaleTimeString([], {
    hour: '2-digit',
    minute: '2-digit',
    hour12: false,
  });
  return [
    element('strong', {}, service),
    element('span', { class: 'version' }, version + (commit === undefined ? '' : ` · ${commit.slice(0, 7)}`)),
    element('code', { title: digest ?? '' }, shorten(digest)),
    element('small', {}, `since ${since}`),
  ];
}

const shorten = (digest: string | undefined) =>
  digest === undefined ? 'no image' : `sha256:${digest.replace('sha256:', '').slice(0, SHOWN_DIGITS)}`;

function markChange(service: string, release: Release, card: HTMLElement): void {
  const identity = `${release.version} ${release.digest ?? ''}`;
  const before = seen.get(service);
  seen.set(service, identity);
  if (before === undefined || before === identity) return;
  card.classList.remove('changed');
  card.getBoundingClientRect(); // Force a layout without the class, so that the animation restarts.
  card.classList.add('changed');
  part('news').textContent = `${service} is now running ${release.version}, ${shorten(release.digest)}`;
}
