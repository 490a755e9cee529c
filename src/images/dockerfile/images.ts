import { arch } from 'node:os';
import { parseReference } from '../registry/reference.ts';
import { type Instruction, parseDockerfile, triggerOf } from './instructions.ts';
import { expandWord, ExpansionError, splitWords, type Variables } from './words.ts';

/** An image that a build starts from or copies from. */
export interface UsedImage {
  /** With variables expanded, if that is possible. */
  name: string;
  /** The line of the Dockerfile, 1-based. */
  line: number;
}

/** The options that determine which images a build uses, in addition to the Dockerfile. */
interface BuildOptions {
  buildArgs: Readonly<Record<string, string>>;
  /** Undefined: the last stage. */
  target: string | undefined;
  /** Empty: the platform of the builder. */
  platforms: readonly string[];
  /** The names of named contexts, which replace images and stages. */
  contexts: readonly string[];
}

interface Stage {
  /** In lower case; empty for an unnamed stage. */
  name: string;
  base: UsedImage;
  /** The images and stages (by name or number) that its instructions copy or mount from. */
  sources: UsedImage[];
  /** The same for its `ONBUILD` instructions, which run in stages that are based on it. */
  triggers: UsedImage[];
}

/** Architectures that have different names in Node and in images. */
const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', ia32: '386' };
const SCRATCH = 'scratch';

/**
 * The images from registries that a build uses in `FROM`, `COPY --from` and `RUN --mount=from=`, each with its first line.
 * Stages that the target does not need are ignored, like in BuildKit. The image of `# syntax=` is not included, because it
 * only parses the Dockerfile and is not part of the result.
 *
 * @see https://github.com/moby/buildkit/blob/v0.34.2/frontend/dockerfile/dockerfile2llb/convert.go
 */
export function usedImages(dockerfile: string, options: BuildOptions): UsedImage[] {
  const { escape, instructions } = parseDockerfile(dockerfile);
  const platforms = options.platforms.length > 0 ? options.platforms : [buildPlatform()];
  const found = new Map<string, UsedImage>();
  for (const platform of platforms) {
    const stages = readStages(instructions, escape, predefined(platform, options), options.buildArgs);
    for (const image of imagesOf(stages, options)) if (!found.has(image.name)) found.set(image.name, image);
  }
  return [...found.values()];
}

function buildPlatform(): string {
  return `linux/${ARCHITECTURES[arch()] ?? arch()}`;
}

/** @see https://docs.docker.com/reference/dockerfile/#automatic-platform-args-in-the-global-scope */
function predefined(platform: string, { buildArgs, target }: BuildOptions): Map<string, string> {
  const all: [string, string][] = [
    ...platformVariables('BUILD', buildPlatform()),
    ...platformVariables('TARGET', platform),
    ['TARGETSTAGE', target ?? 'default'],
  ];
  return new Map(all.map(([name, value]) => [name, buildArgs[name] ?? value]));
}

function platformVariables(prefix: string, platform: string): [string, string][] {
  const [os = '', architecture = '', variant = ''] = platform.split('/');
  return [
    [`${prefix}PLATFORM`, platform],
    [`${prefix}OS`, os],
    [`${prefix}ARCH`, architecture],
    [`${prefix}VARIANT`, variant],
  ];
}

function readStages(
  instructions: readonly Instruction[],
  escape: string,
  variables: Map<string, string>,
  buildArgs: Readonly<Record<string, string>>,
): Stage[] {
  const stages: Stage[] = [];
  for (const instruction of instructions) {
    const stage = stages.at(-1);
    if (instruction.keyword === 'FROM') stages.push(readFrom(instruction, escape, variables));
    else if (stage && instruction.keyword === 'ONBUILD')
      stage.triggers.push(...sourcesOf(triggerOf(instruction, escape)));
    else if (stage) stage.sources.push(...sourcesOf(instruction));
    else if (instruction.keyword === 'ARG') declare(instruction.text, escape, variables, buildArgs);
  }
  return stages;
}

/** Adds the variables of an `ARG` before the first `FROM`. */
function declare(
  text: string,
  escape: string,
  variables: Map<string, string>,
  buildArgs: Readonly<Record<string, string>>,
): void {
  for (const word of unexpandedWords(text, escape)) {
    const [, name = '', value] = /^([^=]*)(?:=(.*))?$/s.exec(word) ?? [];
    const given = buildArgs[name];
    if (given !== undefined) variables.set(name, given);
    else if (value !== undefined) {
      try {
        variables.set(name, expandWord(value, variables, { escape }));
      } catch (error) {
        if (!(error instanceof ExpansionError)) throw error;
        variables.delete(name);
      }
    }
  }
}

function unexpandedWords(text: string, escape: string): string[] {
  try {
    return splitWords(text, new Map(), { escape, raw: true });
  } catch (error) {
    if (error instanceof ExpansionError) return text.split(/\s+/);
    throw error;
  }
}

function readFrom({ text, line }: Instruction, escape: string, variables: Variables): Stage {
  const [image = '', , name = ''] = text.split(/\s+/);
  return {
    name: name.toLowerCase(),
    base: { name: expanded(image, escape, variables), line },
    sources: [],
    triggers: [],
  };
}

function expanded(word: string, escape: string, variables: Variables): string {
  try {
    return expandWord(word, variables, { escape });
  } catch (error) {
    if (error instanceof ExpansionError) return word;
    throw error;
  }
}

/** BuildKit does not expand variables here. */
function sourcesOf({ keyword, flags, line }: Instruction): UsedImage[] {
  return flags.flatMap((flag) => {
    const [, name = '', value = ''] = /^--([^=]+)=(.*)$/s.exec(flag) ?? [];
    if (keyword === 'COPY' && name === 'from') return [{ name: value, line }];
    if (keyword !== 'RUN' || name !== 'mount') return [];
    const from = /(?:^|,)"?from=([^,"]+)/i.exec(value)?.[1];
    return from === undefined ? [] : [{ name: from, line }];
  });
}

/** The images of the target stage and of all stages that it needs. */
function imagesOf(stages: readonly Stage[], { target, contexts }: BuildOptions): UsedImage[] {
  const replaced = new Set(contexts.map(contextName));
  const images: UsedImage[] = [];
  const seen = new Set<Stage>();
  const use = (image: UsedImage, stage: Stage | undefined): void => {
    if (stage) visit(stage);
    else if (image.name !== '' && image.name !== SCRATCH && !replaced.has(contextName(image.name)))
      images.push(image);
  };
  const visit = (stage: Stage): void => {
    if (seen.has(stage)) return;
    seen.add(stage);
    if (stage.name !== '' && replaced.has(contextName(stage.name))) return;
    const earlier = stages.slice(0, stages.indexOf(stage));
    const base = earlier.findLast(({ name }) => name !== '' && name === stage.base.name);
    use(stage.base, base);
    for (const source of [...stage.sources, ...(base?.triggers ?? [])])
      use(source, findStage(stages, source.name));
  };
  const wanted = target === undefined ? stages.at(-1) : findStage(stages, target);
  if (wanted) visit(wanted);
  return images;
}

/** A stage by its name or number. */
function findStage(stages: readonly Stage[], name: string): Stage | undefined {
  if (/^\d+$/.test(name)) return stages[Number(name)];
  return name === '' ? undefined : stages.findLast((stage) => stage.name === name.toLowerCase());
}

/** The normalized name by which a named context is looked up: `docker.io/library/node:latest` for `node`. */
function contextName(name: string): string {
  const image = parseReference(name);
  if (!image) return name;
  const { registry, path, tag = 'latest', digest = '' } = image;
  return `${registry}/${path}:${tag}@${digest}`;
}
