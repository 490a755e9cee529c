import type { PageConfig } from '../page-config.ts';

export const config = JSON.parse(document.querySelector('#config')?.textContent ?? '{}') as PageConfig;

const money = new Intl.NumberFormat(navigator.language, { style: 'currency', currency: config.currency });

export const price = (cents: number): string => money.format(cents / 100);
