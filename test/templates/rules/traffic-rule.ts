import { resolveTemplate } from '../../../scripts/templates/resolve.ts';
import { finding } from './platform.ts';
import type { Rule } from './platform.ts';

const STRATEGIES = ['ROLLING', 'BLUE_GREEN', 'CANARY', 'LINEAR'];

/**
 * ECS owns the weights of the rules with which it shifts traffic, and a stack update that changes such a rule resets
 * them. Therefore the rule must not depend on how the service is deployed, must forward to both target groups with
 * weights 1 and 0, and pauses must not be at stages that ECS does not allow (Amazon ECS Developer Guide, "Pause
 * hooks").
 */
export const trafficRuleIsFixed: Rule = (stacks) =>
  stacks
    .filter(({ template }) => 'Strategy' in template.Parameters)
    // ECS moves no traffic of a worker.
    .filter(({ parameters }) => parameters.Priority !== '' && parameters.Priority !== undefined)
    .flatMap((stack) => {
      const variants = STRATEGIES.map((Strategy) =>
        resolveTemplate(stack.template, { ...stack.parameters, Strategy, PauseBeforeTraffic: 'true' }),
      );
      return variants.flatMap(({ resources }, index) => {
        const strategy = STRATEGIES[index] ?? '';
        const rules = (of: typeof resources) =>
          JSON.stringify(Object.values(of).filter(({ Type }) => Type.endsWith('::ListenerRule')));
        const complain = (message: string) => finding('traffic-rule', stack, `${strategy}: ${message}`);
        const text = JSON.stringify(resources);
        const shifts = strategy !== 'ROLLING';
        return [
          ...(rules(resources) === rules(variants[0]?.resources ?? {})
            ? []
            : [complain('the rules are different')]),
          ...(/"Weight":1\},\{[^{}]*\{[^{}]*\}[^{}]*"Weight":0/.test(rules(resources))
            ? []
            : [complain('the rule does not forward by 1 and 0')]),
          ...(shifts === text.includes('"DeploymentCircuitBreaker"')
            ? [complain('only ROLLING has a circuit breaker')]
            : []),
          ...(shifts === text.includes('"AdvancedConfiguration"')
            ? []
            : [complain('only the others shift traffic')]),
          ...(shifts === text.includes('"PAUSE"') ? [] : [complain('only the others can pause')]),
          ...(/"(TEST|PRODUCTION)_TRAFFIC_SHIFT"/.test(text) ? [complain('ECS cannot pause there')] : []),
        ];
      });
    });
