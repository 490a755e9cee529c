import type { Parameter } from '@aws-sdk/client-ssm';
import { classify } from '../aws/errors.ts';
import { reasonOf } from '../core/errors.ts';
import type { CloudFormationContext } from './context.ts';
import { ParameterCache } from './parameters/parameter-store.ts';
import { describeStack, type StackSnapshot, stackPages } from './stack.ts';

/** The maximum age of a description, in milliseconds. */
const MAX_AGE_MS = 60_000;
/** Fewer stacks than this are described one by one. */
const FEWEST = 4;

interface Description {
  readAt: number;
  /** Undefined: there is no such stack. */
  stack: StackSnapshot | undefined;
}

/**
 * The stacks that a command works on, read in pages of DescribeStacks instead of one by one. A description is cached for
 * a minute, or until the command changes the stack.
 *
 * DescribeStacks without a name also requires `cloudformation:ListStacks`. Without it, stacks are described one by one.
 *
 * @see https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStacks.html
 */
export class StackListing {
  readonly #expected = new Set<string>();
  readonly #known = new Map<string, Description>();
  /** The Parameter Store values that these stacks use. */
  readonly parameters = new ParameterCache();
  #reading: Promise<void> | undefined;
  #mayList = true;

  /** Adds stacks that the command will read. */
  expect(stackNames: Iterable<string>): void {
    for (const name of stackNames) this.#expected.add(name);
  }

  /** Drops the cached description of a stack that this command changes. */
  forget(stackName: string): void {
    this.#expected.delete(stackName);
    this.#known.delete(stackName);
  }

  /**
   * A stack by its name; undefined if it does not exist.
   * @throws AwsError if it cannot be read.
   */
  async find(context: CloudFormationContext, stackName: string): Promise<StackSnapshot | undefined> {
    const known = this.#fresh(context, stackName) ?? (await this.#listed(context, stackName));
    if (known) return known.stack;
    const readAt = context.clock.now();
    const stack = await describeStack(context, stackName);
    this.#known.set(stackName, { readAt, stack });
    return stack;
  }

  /** Values from Parameter Store, read for all expected stacks together; see ParameterCache. */
  async readParameters(
    context: CloudFormationContext,
    names: readonly string[],
  ): Promise<ReadonlyMap<string, Parameter>> {
    const stacks = [...this.#expected].flatMap((name) => this.#known.get(name)?.stack ?? []);
    return await this.parameters.read(context, names, stacks.flatMap(storedNames));
  }

  #fresh({ clock }: CloudFormationContext, stackName: string): Description | undefined {
    const known = this.#known.get(stackName);
    return known && clock.now() - known.readAt < MAX_AGE_MS ? known : undefined;
  }

  async #listed(context: CloudFormationContext, stackName: string): Promise<Description | undefined> {
    if (!this.#mayList || !this.#expected.has(stackName)) return undefined;
    const missing = [...this.#expected].filter((name) => !this.#fresh(context, name));
    if (!this.#reading && missing.length < FEWEST) return undefined;
    this.#reading ??= this.#list(context, new Set(missing)).finally(() => {
      this.#reading = undefined;
    });
    await this.#reading;
    return this.#fresh(context, stackName);
  }

  /** Reads pages until all stacks are found, or describing the rest one by one takes fewer calls. */
  async #list(context: CloudFormationContext, missing: Set<string>): Promise<void> {
    const readAt = context.clock.now();
    const note = (name: string, stack: StackSnapshot | undefined): void => {
      if (this.#expected.has(name)) this.#known.set(name, { readAt, stack });
    };
    let pages = 0;
    try {
      for await (const page of stackPages(context)) {
        for (const stack of page) {
          if (stack.status !== 'DELETE_COMPLETE' && missing.delete(stack.stackName))
            note(stack.stackName, stack);
        }
        pages += 1;
        if (missing.size === 0 || pages >= missing.size) return;
      }
    } catch (error) {
      if (classify(error) !== 'denied') throw error;
      this.#mayList = false;
      context.log.debug(`Describing stacks one by one, because they cannot be listed: ${reasonOf(error)}`);
      return;
    }
    for (const name of missing) note(name, undefined);
  }
}

/** The Parameter Store names that a stack's parameters of SSM types have as values. */
function storedNames({ parameters, resolved = {} }: StackSnapshot): string[] {
  return Object.keys(resolved).flatMap((key) => parameters[key] ?? []);
}

export interface ListingContext extends CloudFormationContext {
  /** The cached descriptions, for a command that works on several stacks. */
  listing?: StackListing;
}

/** A stack by its name, from the listing if the command has one. */
export async function findStack(
  context: ListingContext,
  stackName: string,
): Promise<StackSnapshot | undefined> {
  const { listing } = context;
  return await (listing ? listing.find(context, stackName) : describeStack(context, stackName));
}
