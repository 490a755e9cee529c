import { address, integer, readEnvironment, text } from '@services/shared';
import type { Environment } from '@services/shared';

/** What the page learns when it is served, so that one image serves every environment. */
export interface PageConfig {
  environment: string;
  /** Where the services are; empty: where the page is from. */
  api: string;
  currency: string;
  /** Between two looks at the running releases. */
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
