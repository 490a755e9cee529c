import { address, integer, readEnvironment, text } from '@services/shared';
import type { Environment } from '@services/shared';

/** The configuration that is inserted into the page when it is served, so that one image serves every environment. */
export interface PageConfig {
  environment: string;
  /** The URL of the services. Empty: the page's own origin. */
  api: string;
  currency: string;
  /** The interval at which the running releases are refreshed. */
  refreshSeconds: number;
}

const settings = {
  APP_ENV: text('local'),
  API_URL: address(''),
  CURRENCY: text('EUR'),
  REFRESH_SECONDS: integer(1, 3_600)(5),
};

export function readPageConfig(env: Environment): PageConfig {
  const { APP_ENV, API_URL, CURRENCY, REFRESH_SECONDS } = readEnvironment(settings, env);
  return { environment: APP_ENV, api: API_URL, currency: CURRENCY, refreshSeconds: REFRESH_SECONDS };
}
