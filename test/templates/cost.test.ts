import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { between } from '../../scripts/between.ts';
import { formatted } from '../../scripts/format.ts';
import { costChart } from '../../scripts/cost/chart.ts';
import {
  breakEvenAcus,
  cacheCost,
  estimates,
  judgeClaim,
  savingAtEqualSafety,
  wholeSaving,
} from '../../scripts/cost/claims.ts';
import { costOf, estimate, savingOf } from '../../scripts/cost/estimate.ts';
import type { StackCost } from '../../scripts/cost/estimate.ts';
import { monthly, total } from '../../scripts/cost/line.ts';
import type { Group } from '../../scripts/cost/line.ts';
import { PRICES_AS_OF } from '../../scripts/cost/prices.ts';
import { price } from '../../scripts/cost/pricing.ts';
import type { Shares } from '../../scripts/cost/pricing.ts';
import { costReport } from '../../scripts/cost/report.ts';
import { utilisation } from '../../scripts/cost/utilisation.ts';
import { readParameters } from '../../scripts/templates/reference.ts';
import { resolveTemplate } from '../../scripts/templates/resolve.ts';
import { parseTemplate } from '../../scripts/templates/template.ts';

const all = estimates();
const [dev, staging, prod] = all as [(typeof all)[0], (typeof all)[0], (typeof all)[0]];
const shares: Shares = { natGateways: 1, loadBalancers: 1, serviceLogGroups: 1, repositories: 1 };

const linesOf = (stacks: StackCost[], group: Group) =>
  stacks.flatMap(({ lines }) => lines.filter((line) => line.group === group));
const groupCost = (stacks: StackCost[], group: Group) => total(linesOf(stacks, group));

function cost(resources: string): number {
  const stack = resolveTemplate(parseTemplate('t', `Resources:\n${resources}`), {});
  return total(price(stack, utilisation.prod, shares));
}

describe('the guidelines’ parameters, calculated manually', () => {
  test('services: x86 on demand', () => {
    expect(groupCost(dev.guidelines, 'Services')).toBeCloseTo(3 * 730 * (0.25 * 0.04048 + 0.5 * 0.004445), 6);
    expect(groupCost(prod.guidelines, 'Services')).toBeCloseTo(9 * 730 * (1 * 0.04048 + 2 * 0.004445), 6);
  });
  test('databases: instances, storage, I/O', () => {
    expect(groupCost(dev.guidelines, 'Database')).toBeCloseTo(730 * 0.26 + 5 * 0.1 + 1 * 0.2, 6);
    expect(groupCost(prod.guidelines, 'Database')).toBeCloseTo(3 * 730 * 0.519 + 200 * 0.1 + 200 * 0.2, 6);
  });
  test('a load balancer for each service, one NAT gateway', () => {
    const load = utilisation.staging.capacityUnits;
    const balancers = 730 * (3 * 0.0225 + load * 0.008);
    expect(groupCost(staging.guidelines, 'Load balancing')).toBeCloseTo(balancers, 6);
    expect(groupCost(staging.guidelines, 'NAT')).toBeCloseTo(730 * 0.045 + 30 * 0.045, 6);
    expect(groupCost(staging.guidelines, 'Public addresses')).toBeCloseTo(730 * 0.005 * (1 + 3 * 2), 6);
  });
});

describe('these templates, calculated manually', () => {
  test('dev: Spot in office hours, a database that pauses', () => {
    const awake = (730 * 50) / 168;
    const task = 0.25 * 0.03238 + 0.5 * 0.00356;
    expect(groupCost(dev.platform, 'Services')).toBeCloseTo(3 * awake * task * 0.4, 6);
    expect(groupCost(dev.platform, 'Database')).toBeCloseTo(awake * 0.12 + 5 * 0.1 + 1 * 0.2, 6);
  });
  test('prod: two on-demand tasks of a service, four in five of the rest on Spot', () => {
    const task = 730 * (0.03238 + 2 * 0.00356);
    expect(groupCost(prod.platform, 'Services')).toBeCloseTo(3 * task * (2 + 0.2 + 0.8 * 0.4), 6);
  });
  test('prod: a NAT gateway in each zone', () => {
    expect(groupCost(prod.platform, 'NAT')).toBeCloseTo(3 * 730 * 0.045 + 200 * 0.045, 6);
  });
  test('the firewall: its list, four rules, the requests', () => {
    expect(groupCost(prod.platform, 'Firewall')).toBeCloseTo(5 + 4 + 50 * 0.6, 6);
    expect(groupCost(dev.platform, 'Firewall')).toBe(0);
  });
  test('an alarm is priced by its metrics', () => {
    const alarm = linesOf(dev.platform, 'Monitoring').find(({ what }) => what.startsWith('ErrorAlarm'));
    expect(alarm && monthly(alarm)).toBeCloseTo(0.6, 6);
  });
  test('endpoints are priced by zone', () => {
    const { platform } = estimate('dev', { InterfaceEndpoints: 'true' });
    expect(groupCost(platform, 'Endpoints')).toBeCloseTo(5 * 3 * 730 * 0.01, 6);
  });
  test('the optional cache is priced by data and requests, at least 100 MB', () => {
    expect(cacheCost('dev')).toBeCloseTo(0.1 * 730 * 0.084 + 1 * 0.0023, 6);
    expect(cacheCost('prod')).toBeCloseTo(1 * 730 * 0.084 + 100 * 0.0023, 6);
    const stack = resolveTemplate(
      parseTemplate('t', 'Resources:\n  Cache: { Type: AWS::ElastiCache::ServerlessCache }'),
      {},
    );
    expect(total(price(stack, { ...utilisation.dev, cacheGb: 0 }, shares))).toBeCloseTo(6.13, 2);
  });
  test('insights of a provisioned database are priced by vCPU', () => {
    const { platform } = estimate('prod', {}, { 'aurora-serverless': 'aurora' });
    const instances = 3 * 730 * (0.552 + 4 * 0.0125);
    expect(groupCost(platform, 'Database')).toBeCloseTo(instances + 200 * 0.1 + 200 * 0.2, 6);
  });
});

describe('a serverless instance', () => {
  test.each([
    ['0', '16', 3 * 730],
    ['4', '16', 4 * 730],
    ['0', '2', 2 * 730],
  ])('between %s and %s ACUs, with a load of 3', (MinCapacity, MaxCapacity, acuHours) => {
    const { platform } = estimate('prod', {
      MinCapacity,
      MaxCapacity,
      DatabaseInsights: 'standard',
      ServerlessInstances: '1',
    });
    const line = linesOf(platform, 'Database').find(({ unit }) => unit === 'ACU-hour');
    expect(line?.quantity).toBeCloseTo(acuHours, 6);
  });
});

describe('nothing is silently left out', () => {
  test('a resource without a price is an error', () => {
    expect(() => cost('  Big: { Type: AWS::Redshift::Cluster }')).toThrow(
      't: Big: AWS::Redshift::Cluster has no price, and is not known to be free',
    );
  });
  test('so is an instance class without a price', () => {
    const text = `
  Db: { Type: AWS::RDS::DBCluster }
  One: { Type: AWS::RDS::DBInstance, Properties: { DBInstanceClass: db.x9.large } }`;
    expect(() => cost(text)).toThrow('One: db.x9.large has no price');
  });
  test('and a service whose tasks cannot be counted', () => {
    const text = `
  Task: { Type: AWS::ECS::TaskDefinition, Properties: { Cpu: 256, Memory: 512 } }
  Service: { Type: AWS::ECS::Service }`;
    expect(() => cost(text)).toThrow('t: Service: the number of its tasks is unknown');
  });
});

describe('the claim of 40 to 60%', () => {
  test.each([
    [0.61, 'more'],
    [0.6, 'holds'],
    [0.4, 'holds'],
    [0.39, 'does not hold'],
    [-0.1, 'does not hold'],
  ])('%d: %s', (saving, verdict) => {
    expect(judgeClaim(saving)).toBe(verdict);
  });

  test('is exceeded in dev, holds in staging, but not in prod or in total', () => {
    expect(all.map((one) => judgeClaim(savingOf(one)))).toEqual(['more', 'holds', 'does not hold']);
    expect(judgeClaim(wholeSaving(all))).toBe('does not hold');
  });
  test('without its additional safety, prod would save more', () => {
    expect(savingAtEqualSafety('prod')).toBeGreaterThan(savingOf(prod));
  });
  test('a serverless instance costs more than a provisioned one above these loads', () => {
    expect(breakEvenAcus('db.r6g.large')).toBeCloseTo(2.17, 2);
    expect(breakEvenAcus('db.r8g.xlarge')).toBeCloseTo(4.6, 2);
    expect(() => breakEvenAcus('db.x9.large')).toThrow('db.x9.large has no price');
  });
  test('the budgets are above the expected costs', () => {
    for (const { environment, platform, beside } of all) {
      expect(costOf([...platform, ...beside])).toBeLessThan(
        Number(readParameters(environment).Parameters.MonthlyBudget),
      );
    }
  });
});

describe('the page', () => {
  test('docs/guides/cost.md and docs/guides/cost.svg are what `npm run cost` writes', async () => {
    const page = readFileSync('docs/guides/cost.md', 'utf8');
    expect(await formatted('docs/guides/cost.md', between(page, 'cost', costReport(all)))).toBe(page);
    expect(readFileSync('docs/guides/cost.svg', 'utf8')).toBe(costChart(all));
    expect(page).toContain(PRICES_AS_OF);
  });
});
