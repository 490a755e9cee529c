import type { World } from '../../world.ts';
import { type CauseContext, driftDetails, type PlannedOutcome, modificationDetails } from './details.ts';
import type { ChangeDetail, ChangePlan, PlannedChange, PlannedState } from './change-set.ts';
import { topologicalOrder, dependencyGraph } from '../templates/dependencies.ts';
import type { Scope } from '../templates/intrinsics.ts';
import { KNOWN_AFTER_APPLY, resolveProperties } from '../templates/intrinsics.ts';
import type { JsonObject } from '../json.ts';
import { asText, textOf } from '../json.ts';
import { maskSecrets, type ParameterValues } from '../templates/parameters.ts';
import { deletionPolicy, updateReplacePolicy } from '../resources/policies.ts';
import type { ResourceValues } from '../templates/scope.ts';
import { templateScope } from '../templates/scope.ts';
import { existingResource } from '../resources/import.ts';
import { liveStateOf } from '../engine/drift.ts';
import { activeResources, environmentOf, isCreated, createdAttribute } from '../engine/stack-scope.ts';
import type { Definition, Stack, StackResource } from '../engine/stack.ts';
import type { ResourceDefinition } from '../templates/template.ts';

export interface PlanOptions {
  revertDrift: boolean;
  /** Whether existing resources with a matching custom name are imported. */
  importExisting?: boolean;
  /**
   * Creates the change set of a nested stack. Returns its id, or undefined if it has no changes. If absent, nested
   * stacks are not planned.
   */
  nested?: ((logicalId: string, properties: JsonObject) => string | undefined) | undefined;
}

/** The changes that would bring a stack to a definition. */
export function planChanges(world: World, stack: Stack, next: Definition, options: PlanOptions): ChangePlan {
  const planner = new Planner(world, stack, next, options);
  return planner.plan();
}

class Planner {
  readonly #world: World;
  readonly #stack: Stack;
  readonly #next: Definition;
  readonly #options: PlanOptions;
  readonly #fates = new Map<string, PlannedOutcome>();
  readonly #nested = new Map<string, string | undefined>();
  readonly #missing: ChangePlan['missingExports'] = [];
  readonly #scope: Scope;
  readonly #shownScope: Scope;
  readonly #causes: CauseContext;
  #current = '';

  constructor(world: World, stack: Stack, next: Definition, options: PlanOptions) {
    this.#world = world;
    this.#stack = stack;
    this.#next = next;
    this.#options = options;
    const planning = environmentOf(world, stack, next, true);
    const environment = {
      ...planning,
      importValue: (name: string) => {
        const value = planning.importValue(name);
        if (value === KNOWN_AFTER_APPLY) this.#missing.push({ logicalId: this.#current, name });
        return value;
      },
    };
    const resources = this.#resourceValues(world);
    const build = (parameters: ParameterValues): Scope => ({
      ...templateScope(next.template, parameters, environment, resources),
      nestedPlanning: options.nested !== undefined,
    });
    this.#scope = build(next.parameters);
    this.#shownScope = build(maskSecrets(next.parameters));
    this.#causes = {
      scope: this.#scope,
      before: stack.definition?.parameters ?? new Map(),
      after: next.parameters,
      fateOf: (logicalId) => this.#fates.get(logicalId) ?? 'same',
    };
  }

  plan(): ChangePlan {
    const active = activeResources(this.#next, this.#scope);
    const changes = new Map<string, PlannedChange>();
    for (const id of topologicalOrder(dependencyGraph(active))) {
      const definition = active[id];
      const change = definition && this.#planResource(id, definition);
      if (change) changes.set(id, change);
    }
    const kept = Object.keys(active).flatMap((id) => changes.get(id) ?? []);
    const removed = [...this.#stack.resources.values()]
      .filter((resource) => isCreated(resource) && !(resource.logicalId in active))
      .map(removal);
    const others = this.#otherChanges();
    return { changes: [...kept, ...removed], others, missingExports: uniqueMissing(this.#missing) };
  }

  /** Unknown until the execution: attributes of replaced resources, and outputs of nested stacks that change. */
  #resourceValues(world: World): ResourceValues {
    const isKnown = (id: string): StackResource | undefined => {
      const resource = this.#stack.resources.get(id);
      const fate = this.#fates.get(id) ?? 'same';
      return resource && isCreated(resource) && (fate === 'same' || fate === 'modified')
        ? resource
        : undefined;
    };
    return {
      reference: (id) =>
        id in this.#next.template.resources ? (isKnown(id)?.physicalId ?? KNOWN_AFTER_APPLY) : undefined,
      attribute: (id, name) => {
        const resource = isKnown(id);
        if (!resource) return KNOWN_AFTER_APPLY;
        if (resource.type === 'AWS::CloudFormation::Stack' && this.#fates.get(id) === 'modified')
          return KNOWN_AFTER_APPLY;
        return createdAttribute(world, this.#stack, resource, name);
      },
    };
  }

  #planResource(id: string, definition: ResourceDefinition): PlannedChange | undefined {
    this.#current = id;
    const after: PlannedState = {
      definition,
      properties: resolveProperties(definition.properties, this.#scope),
      shown: asText(resolveProperties(definition.properties, this.#shownScope)) as JsonObject,
    };
    if (definition.type === 'AWS::CloudFormation::Stack') {
      this.#nested.set(id, this.#options.nested?.(id, after.properties));
    }
    const existing = this.#stack.resources.get(id);
    if (!existing || !isCreated(existing) || existing.status === 'CREATE_FAILED')
      return this.#addition(id, after);
    const live = this.#options.revertDrift ? liveStateOf(this.#world, this.#stack, existing) : undefined;
    if (live) {
      if ('deleted' in live)
        return { ...this.#addition(id, after), driftStatus: 'DELETED', physicalId: existing.physicalId };
      return this.#modification(existing, after, driftDetails(existing, live.properties, after), 'MODIFIED');
    }
    const details = modificationDetails(existing, after, this.#causes, {
      tagsBefore: existing.stackTags,
      tagsAfter: this.#next.tags,
      nested:
        this.#options.nested === undefined
          ? 'unknown'
          : this.#nested.get(id) === undefined
            ? 'same'
            : 'changes',
    });
    return this.#modification(existing, after, details, this.#options.revertDrift ? 'IN_SYNC' : undefined);
  }

  #addition(id: string, after: PlannedState): PlannedChange {
    this.#fates.set(id, 'new');
    const changeSetId = this.#nested.get(id);
    const { properties, definition } = after;
    const draft = { logicalId: id, type: definition.type, definition, properties, unique: '' };
    const imported = this.#options.importExisting
      ? existingResource(this.#world, this.#stack, draft)
      : undefined;
    if (imported !== undefined)
      return { action: 'Import', logicalId: id, physicalId: imported, type: draft.type, details: [], after };
    return {
      action: 'Add',
      logicalId: id,
      type: after.definition.type,
      details: [],
      after,
      ...(changeSetId === undefined ? {} : { changeSetId }),
    };
  }

  #modification(
    existing: StackResource,
    after: PlannedState,
    details: ChangeDetail[],
    driftStatus: PlannedChange['driftStatus'],
  ): PlannedChange | undefined {
    if (details.length === 0) return undefined;
    const { logicalId, physicalId, type, definition, properties, shown } = existing;
    const replacement = replacementOf(details);
    this.#fates.set(
      logicalId,
      { True: 'replaced', Conditional: 'may be replaced', False: 'modified' }[replacement] as PlannedOutcome,
    );
    const changeSetId = this.#nested.get(logicalId);
    const synced = details.every(({ cause }) => cause.source === 'NoModification');
    return {
      action: synced ? 'SyncWithActual' : 'Modify',
      logicalId,
      physicalId,
      type,
      replacement,
      details,
      before: { definition, properties, shown },
      after,
      ...(replacement === 'True' ? { policyAction: replacePolicyAction(after, existing) } : {}),
      ...(driftStatus === undefined ? {} : { driftStatus }),
      ...(changeSetId === undefined ? {} : { changeSetId }),
    };
  }

  /** Changes that no resource shows. */
  #otherChanges(): boolean {
    const { definition, outputs } = this.#stack;
    if (!definition) return true;
    const text = (value: unknown): string => JSON.stringify(value);
    return (
      text(sortedTags(definition.tags)) !== text(sortedTags(this.#next.tags)) ||
      text(definition.notificationArns) !== text(this.#next.notificationArns) ||
      text(definition.template.outputs) !== text(this.#next.template.outputs) ||
      this.#outputsDiffer(outputs)
    );
  }

  #outputsDiffer(outputs: Stack['outputs']): boolean {
    const before = new Map(outputs.map(({ OutputKey: key, OutputValue: value }) => [key, value]));
    const active = Object.entries(this.#next.template.outputs).filter(
      ([, { condition }]) => condition === undefined || this.#scope.condition(condition),
    );
    if (active.length !== before.size) return true;
    return active.some(([key, { value }]) => {
      const after = resolveProperties({ value }, this.#scope).value;
      return after !== undefined && textOf(asText(after)) !== before.get(key) && after !== KNOWN_AFTER_APPLY;
    });
  }
}

/** Their order does not matter. */
function sortedTags(tags: Definition['tags']): Definition['tags'] {
  return tags.toSorted((one, other) => (one.Key < other.Key ? -1 : 1));
}

function uniqueMissing(missing: ChangePlan['missingExports']): ChangePlan['missingExports'] {
  return [...new Map(missing.map((item) => [`${item.logicalId}/${item.name}`, item])).values()];
}

/** Whether a change replaces the resource: the most severe of its details. */
function replacementOf(details: readonly ChangeDetail[]): 'True' | 'False' | 'Conditional' {
  const recreating = details.filter(({ recreation }) => recreation !== 'Never');
  const sure = recreating.some(
    ({ recreation, cause }) => recreation === 'Always' && cause.evaluation === 'Static',
  );
  if (sure) return 'True';
  return recreating.length > 0 ? 'Conditional' : 'False';
}

function replacePolicyAction(after: PlannedState, existing: StackResource): string {
  const policy = updateReplacePolicy({ ...existing, definition: after.definition });
  return { Retain: 'ReplaceAndRetain', Snapshot: 'ReplaceAndSnapshot' }[policy] ?? 'ReplaceAndDelete';
}

function removal(resource: StackResource): PlannedChange {
  const { logicalId, physicalId, type, definition, properties, shown } = resource;
  const policy = deletionPolicy(resource);
  return {
    action: 'Remove',
    logicalId,
    physicalId,
    type,
    policyAction: policy === 'RetainExceptOnCreate' ? 'Retain' : policy,
    details: [],
    before: { definition, properties, shown },
  };
}
