import { invalid } from './failures.ts';
import type { Scope } from './intrinsics.ts';
import { resolve } from './intrinsics.ts';
import type { Json } from './json.ts';
import { isObject, textOf } from './json.ts';
import { parameterReference } from './parameters.ts';
import type { ParameterValues } from './parameters.ts';
import type { Template } from './template.ts';

/** Checks the assertions of the Rules section over the parameters. Throws for the first that does not hold. */
export function checkRules(template: Template, parameters: ParameterValues, scope: Scope): void {
  for (const [name, rule] of Object.entries(template.rules)) {
    if (rule.RuleCondition !== undefined && !holds(rule.RuleCondition, parameters, scope)) continue;
    const assertions = Array.isArray(rule.Assertions) ? rule.Assertions : [];
    for (const assertion of assertions.filter(isObject)) {
      if (assertion.Assert === undefined || holds(assertion.Assert, parameters, scope)) continue;
      const described =
        typeof assertion.AssertDescription === 'string' ? assertion.AssertDescription : 'assertion failed';
      throw invalid(`Template error: Rule ${name} failed: ${described}`);
    }
  }
}

function holds(value: Json, parameters: ParameterValues, scope: Scope): boolean {
  const result = evaluate(value, parameters, scope);
  return result === true || result === 'true';
}

/** Rules have functions of their own, over sets of parameters; the others are the template's. */
function evaluate(value: Json, parameters: ParameterValues, scope: Scope): Json {
  if (Array.isArray(value)) return value.map((item) => evaluate(item, parameters, scope));
  if (!isObject(value)) return value;
  const [name = '', argument = null] = Object.entries(value)[0] ?? [];
  const list = (): Json[] =>
    (Array.isArray(argument) ? argument : []).map((item) => evaluate(item, parameters, scope));
  switch (name) {
    case 'Fn::And':
      return list().every((item) => item === true);
    case 'Fn::Or':
      return list().some((item) => item === true);
    case 'Fn::Not':
      return list()[0] !== true;
    case 'Fn::Equals': {
      const [one, other] = list();
      return textOf(one) === textOf(other);
    }
    case 'Fn::Contains': {
      const [all, item] = list();
      return texts(all).includes(textOf(item));
    }
    case 'Fn::EachMemberEquals': {
      const [items, wanted] = list();
      return texts(items).every((item) => item === textOf(wanted));
    }
    case 'Fn::EachMemberIn': {
      const [items, allowed] = list();
      return texts(items).every((item) => texts(allowed).includes(item));
    }
    case 'Fn::RefAll':
    case 'Fn::ValueOf':
    case 'Fn::ValueOfAll':
      return aboutParameters(name, argument, parameters);
    default:
      return resolve(value, scope) ?? null;
  }
}

const texts = (value: Json | undefined): string[] =>
  (Array.isArray(value) ? value : [value ?? '']).map(textOf);

/** The sandbox knows no tags of VPCs and subnets: of their attributes only `VpcId` would be one. */
function aboutParameters(name: string, argument: Json, parameters: ParameterValues): Json {
  if (name === 'Fn::RefAll') {
    const chosen = [...parameters.values()].filter(
      ({ type }) => type === argument || type === `List<${textOf(argument)}>`,
    );
    return chosen.flatMap((parameter) => parameterReference(parameter) as Json[] | string);
  }
  throw invalid(
    `The sandbox does not know the attributes of existing resources: ${name} ${JSON.stringify(argument)}`,
  );
}
