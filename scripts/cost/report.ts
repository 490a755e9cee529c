import {
  breakEvenAcus,
  cacheCost,
  CLAIM,
  judgeClaim,
  provisionedCost,
  savingAtEqualSafety,
  wholeSaving,
} from './claims.ts';
import { costOf, savingOf } from './estimate.ts';
import type { Estimate, StackCost } from './estimate.ts';
import { monthly, total } from './line.ts';
import type { Group, Line } from './line.ts';
import { HOURS_A_MONTH, prices, PRICES_AS_OF } from './prices.ts';
import { SPOT_DISCOUNT, utilisation } from './utilisation.ts';
import type { Utilisation } from './utilisation.ts';

const GROUPS: Group[] = [
  'Database',
  'Cache',
  'Services',
  'Load balancing',
  'NAT',
  'Endpoints',
  'Public addresses',
  'Firewall',
  'Monitoring',
  'Logs',
  'Keys and secrets',
  'Images',
];

const LOAD: Record<keyof Utilisation, string> = {
  awakeHoursAWeek: 'Hours a week in use',
  acus: 'Average ACUs of a database instance in use',
  databaseGb: 'Database, GB',
  databaseIoMillions: 'Database I/O, million',
  cacheGb: 'Cache, GB',
  cacheUnitMillions: 'Cache processing units, million',
  capacityUnits: 'Load balancer capacity units, average',
  requestMillions: 'Requests, million',
  natGb: 'Through NAT, GB',
  serviceLogGb: 'Logs of services, GB',
  flowLogGb: 'Flow logs, GB',
  imageGb: 'Images, GB',
};

const dollars = (amount: number): string => Math.round(amount).toLocaleString('en-GB');
const percent = (part: number): string => `${Math.round(part * 100)} %`;

/** A column of numbers stands to the right. */
function table(headers: string[], rows: string[][]): string {
  const isNumeric = (column: number) => rows.every((row) => /^[\d,.]+( %)?$/.test(row[column] ?? ''));
  const rule = headers.map((_, column) => (isNumeric(column) ? '--:' : '---'));
  return [headers, rule, ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');
}

/** docs/guides/cost.md, whole. */
export function costReport(estimates: Estimate[]): string {
  return [
    '# What it costs',
    'Written by `npm run cost` from the templates, the parameters in `templates/environments/` and the prices in ' +
      '`scripts/cost/prices.ts`. Change one of them and run it again; a test fails where this page is behind.',
    `All amounts are US dollars a month of ${HOURS_A_MONTH} hours: AWS list prices of US East (N. Virginia) as of ` +
      `${PRICES_AS_OF}, without tax and without discounts. They compare two designs. They are not a quotation.`,
    '![Monthly cost of both designs by environment](cost.svg)',
    summary(estimates),
    '## Does the guidelines’ claim hold?',
    claims(estimates),
    ...estimates.flatMap((estimate) => [`## ${estimate.environment}`, groups(estimate), details(estimate)]),
    '## The optional cache',
    cache(estimates),
    '## The load that both sides carry',
    table(
      ['', ...estimates.map(({ environment }) => environment)],
      Object.entries(LOAD).map(([key, label]) => [
        label,
        ...estimates.map(({ environment }) => String(utilisation[environment][key as keyof Utilisation])),
      ]),
    ),
    `Fargate Spot is taken at ${percent(SPOT_DISCOUNT)} below the price on demand. It has moved between 50 and 70 %. ` +
      'A service runs its least number of tasks; what scaling adds under load is on neither side.',
    '## What is not in these numbers',
    'Data to the internet and between zones, Container Insights, traces, requests to S3 and SNS, backups beyond the ' +
      'size of the database, Secrets Manager’s and KMS’s requests, Route 53, and support. Most of them are the same ' +
      'on both sides. Container Insights and traces are dearer here, because there is more of them: watch the first ' +
      'month. Savings Plans and reserved instances would lower both sides.',
  ].join('\n\n');
}

function summary(estimates: Estimate[]): string {
  const rows = estimates.map((estimate) => [
    estimate.environment,
    dollars(costOf(estimate.guidelines)),
    dollars(costOf(estimate.platform)),
    percent(savingOf(estimate)),
    judgeClaim(savingOf(estimate)),
  ]);
  const sum = (of: (estimate: Estimate) => StackCost[]) => costOf(estimates.flatMap(of));
  const saving = wholeSaving(estimates);
  const all = [
    '**all**',
    dollars(sum(({ guidelines }) => guidelines)),
    dollars(sum(({ platform }) => platform)),
    percent(saving),
    judgeClaim(saving),
  ];
  return table(
    [
      'Environment',
      'Guidelines’ parameters',
      'These templates',
      'Saving',
      `${CLAIM.least * 100} to ${CLAIM.most * 100} %`,
    ],
    [...rows, all],
  );
}

function cache(estimates: Estimate[]): string {
  const costs = estimates.map(({ environment }) => `${environment} ${cacheCost(environment).toFixed(0)}`);
  return (
    'The guidelines name Redis and never deploy it, so a cache is on neither side. `cache.yml` costs, in US dollars a ' +
    `month: ${costs.join(', ')}. ElastiCache Serverless charges at least ${prices.cache.leastGb * 1000} MB.`
  );
}

function claims(estimates: Estimate[]): string {
  const verdicts = estimates.map((estimate) => {
    const saving = savingOf(estimate);
    const words = {
      more: 'more than claimed',
      holds: 'the claim holds',
      'does not hold': 'the claim does not hold',
    };
    const equal = savingAtEqualSafety(estimate.environment);
    const safety =
      Math.round(equal * 100) === Math.round(saving * 100)
        ? ''
        : ` With one NAT gateway, no firewall and plain insights, as in the guidelines, it would be ${percent(equal)}.`;
    return `- **${estimate.environment}: ${percent(saving)}**, ${words[judgeClaim(saving)]}.${safety}`;
  });
  const prod = estimates.find(({ environment }) => environment === 'prod');
  return [
    `The guidelines promise ${CLAIM.least * 100} to ${CLAIM.most * 100} % “with Spot instances and Serverless”.`,
    verdicts.join('\n'),
    'It comes from four things: a database that follows the load and may sleep, one load balancer in the place of ' +
      'one a service, ARM in the place of x86, and Spot where a lost task hurts nobody. What is always on saves ' +
      'little: that is most of production.',
    `A serverless instance is cheaper than one of a fixed size only below an average of ` +
      ['db.r6g.large', 'db.r6g.xlarge', 'db.r8g.xlarge']
        .map((size) => `${breakEvenAcus(size).toFixed(2)} ACUs (${size})`)
        .join(', ') +
      (prod
        ? `. Above it, use aurora.yml: production on its provisioned instances costs ${dollars(provisionedCost('prod'))}` +
          ` in the place of ${dollars(costOf(prod.platform))}.`
        : '.'),
  ].join('\n\n');
}

function groups({ guidelines, platform, beside }: Estimate): string {
  const of = (stacks: StackCost[], group: Group) =>
    total(stacks.flatMap(({ lines }) => lines.filter((line) => line.group === group)));
  const rows = GROUPS.map((group) => [group, of(guidelines, group), of(platform, group)] as const)
    .filter(([, before, after]) => before > 0 || after > 0)
    .map(([group, before, after]) => [group, dollars(before), dollars(after)]);
  const besides = beside.filter(({ lines }) => total(lines) > 0);
  const names = besides.map(({ stack }) => `\`${stack}\``).join(', ');
  return [
    table(
      ['', 'Guidelines', 'Here'],
      [...rows, ['**total**', dollars(costOf(guidelines)), dollars(costOf(platform))]],
    ),
    `Beside these: ${names}, ${dollars(costOf(besides))} a month, which the guidelines name and cannot deploy.`,
  ].join('\n\n');
}

function details({ guidelines, platform, beside }: Estimate): string {
  return [
    '<details>',
    '<summary>Every resource that has a price</summary>',
    '### Guidelines’ parameters',
    resources(guidelines),
    '### These templates',
    resources([...platform, ...beside]),
    '</details>',
  ].join('\n\n');
}

const resources = (stacks: StackCost[]): string =>
  table(
    ['Stack', 'What', 'Quantity', 'Unit', 'Price', 'A month'],
    stacks.flatMap(({ stack, lines }) =>
      lines.filter(({ quantity }) => quantity > 0).map((line) => row(stack, line)),
    ),
  );

const row = (stack: string, line: Line): string[] => [
  stack,
  line.what,
  line.quantity.toFixed(1).replace(/\.0$/, ''),
  line.unit,
  String(Number(line.price.toPrecision(4))),
  monthly(line).toFixed(2),
];
