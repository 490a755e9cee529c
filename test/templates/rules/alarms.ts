import type { Json } from '../../../scripts/templates/template.ts';
import { finding, strings } from './platform.ts';
import type { PlatformStack, Rule } from './platform.ts';
import { references } from './references.ts';

const ALARMS = new Set(['AWS::CloudWatch::Alarm', 'AWS::CloudWatch::CompositeAlarm']);

/**
 * An alarm notifies when it starts and when it ends. An alarm that is part of a composite one does neither, because it
 * alone is no reason to page anyone; nor does one whose action is a scaling policy.
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

/** The alarms in the rules of composite alarms. */
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
