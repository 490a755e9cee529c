import { arch } from 'node:os';
import { parseReference } from '../registry/reference.ts';
import { type Instruction, parseDockerfile, triggerOf } from './instructions.ts';
import { expandWord, ExpansionError, splitWords, type Variables } from './words.ts';

/** An image that a build begins with or copies from. */
export interface UsedImage {
  /** With its variables expanded; as it is written, where they cannot be. */
  name: string;
  /** The line of the Dockerfile, counted from 1. */
  line: number;
}

/** What decides which images a build uses, beside the Dockerfile. */
interface BuildOptions {
  buildArgs: Readonly<Record<string, string>>;
  /** Absent: the last stage. */
  target: string | undefined;
  /** Empty: the builder's own. */
  platforms: readonly string[];
  /** The names of named contexts, which take the place of images and stages. */
  contexts: readonly string[];
}

interface Stage {
  /** In small letters; empty for one without. */
  name: string;
  base: UsedImage;
  /** What its instructions copy or mount from: images, and names or numbers of stages. */
  sources: UsedImage[];
  /** The same of its `ONBUILD` instructions, which run in the stages that begin with it. */
  triggers: UsedImage[];
}

/** Node's names of architectures that differ from those of images. */
const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', ia32: '386' };
const SCRATCH = 'scratch';

/**
 * The images of registries that the stages of a build use, each by its first line: of `FROM`, `COPY --from` and
 * `RUN --mount=from=`. Stages that the target does not need are left out, as BuildKit leaves them out. The image of
 * `# syntax=` is none of them: it reads the Dockerfile, and no part of it is in the result.
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

/** Variables are not expanded here. */
function sourcesOf({ keyword, flags, line }: Instruction): UsedImage[] {
  return flags.flatMap((flag) => {
    const [, name = '', value = ''] = /^--([^=]+)=(.*)$/s.exec(flag) ?? [];
    if (keyword === 'COPY' && name === 'from') return [{ name: value, line }];
    if (keyword !== 'RUN' || name !== 'mount') return [];
    const from = /(?:^|,)"?from=([^,"]+)/i.exec(value)?.[1];
    return from === undefined ? [] : [{ name: from, line }];
  });
}

/** The images of the target's stage and of all stages that it needs. */
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

/** How a named context is looked up: `docker.io/library/node:latest` is `node`. */
function contextName(name: string): string {
  const image = parseReference(name);
  if (!image) return name;
  const { registry, path, tag = 'latest', digest = '' } = image;
  return `${registry}/${path}:${tag}@${digest}`;
}
