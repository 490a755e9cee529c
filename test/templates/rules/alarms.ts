import type { Json } from '../../../scripts/templates/template.ts';
import { finding, strings } from './platform.ts';
import type { PlatformStack, Rule } from './platform.ts';
import { references } from './references.ts';

const ALARMS = new Set(['AWS::CloudWatch::Alarm', 'AWS::CloudWatch::CompositeAlarm']);

/**
 * An alarm notifies when it begins and when it is over. One that a composite alarm combines with others does neither:
 * by itself it is no reason to call anybody. Nor is one whose action is a scaling policy.
 */
export const alarmsNotify: Rule = (stacks) =>
  stacks.flatMap((stack) => {
    const combined = combinedAlarms(stack);
    return Object.entries(stack.resolved.resources)
      .filter(([, { Type }]) => ALARMS.has(Type))
      .flatMap(([id, { Properties = {} }]) => {
        const { AlarmActions, OKActions } = Properties;
        const complain = (message: string) => [finding('alarms', stack, message, id)];
        if (combined.has(id)) {
          return AlarmActions || OKActions
            ? complain('a composite alarm has it, and it notifies by itself')
            : [];
        }
        if (scales(stack, AlarmActions)) return [];
        if (!AlarmActions) return complain('it notifies nobody');
        const end = JSON.stringify(OKActions) === JSON.stringify(AlarmActions);
        return end ? [] : complain('its end is not notified');
      });
  });

/** The alarms that the rules of composite alarms name. */
function combinedAlarms({ template }: PlatformStack): Set<string> {
  const rules = Object.values(template.Resources).flatMap(({ Properties }) => [
    ...strings(Properties?.AlarmRule),
  ]);
  return new Set(rules.flatMap(({ text }) => [...text.matchAll(/\$\{(\w+)\}/g)].map(([, id = '']) => id)));
}

function scales({ resolved: { resources } }: PlatformStack, actions: Json | undefined): boolean {
  const names = [...references(actions)];
  return (
    names.length > 0 &&
    names.every((name) => resources[name]?.Type === 'AWS::ApplicationAutoScaling::ScalingPolicy')
  );
}
