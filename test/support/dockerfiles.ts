import { fc } from './property.ts';

/** A Dockerfile and the build's inputs. */
export interface DockerfileCase {
  dockerfile: string;
  buildArgs: Record<string, string>;
  target: string;
  platform: string;
}

const NAMES = [
  'node:24',
  'alpine',
  'ghcr.io/org/app:1',
  'localhost:5000/base',
  '$BASE',
  '${BASE}',
  '${TAG:-x}',
];
const MORE_NAMES = [
  ...NAMES,
  'node:${TAG}',
  'node:${TAG:-24}',
  'node${SUFFIX:+:slim}',
  '${NONE:-debian:12}',
  '"quoted:1"',
  'app:$TARGETARCH',
  'app-${TARGETOS}-${BUILDARCH}',
  'scratch',
  'build',
  'tools',
  'es\\caped',
];
const ARGUMENTS = [
  'ARG BASE=busybox:1',
  'ARG TAG',
  'ARG TAG=24',
  'ARG TAG="24-slim" SUFFIX=yes',
  "ARG BASE='alpine:3'",
  'ARG BASE=${TAG:-debian}',
  'ARG \\\n  BASE=continued:1',
  'ARG TARGETARCH',
  'ARG BASE=a b=c',
];
const INSTRUCTIONS = [
  'RUN true',
  'COPY --from=build /a /b',
  'COPY --from=BUILD /a /b',
  'COPY --from=0 /a /b',
  'COPY --from=nginx:1.27 /a /b',
  'COPY --chown=1:1 --from="quoted/copy:2" /a /b',
  'RUN --mount=from=tools,target=/t ls',
  'RUN --mount=type=bind,from=docker/img:3,source=/,target=/t \\\n  --mount=type=cache,target=/c ls',
  'RUN --mount=type=cache,target=/c,from=cache/seed ls',
  'RUN <<EOF\nFROM not:1\nCOPY --from=not:2 a b\nEOF',
  "RUN <<-'END' cat\n\tFROM not:3\n\tEND",
  'COPY <<A <<"B" /dest/\nFROM not:4\nA\nFROM not:5\nB',
  'RUN << EOF\nFROM not:6\nEOF',
  'RUN echo "<<EOF"',
  "RUN echo '<<EOF' \\\n  && true",
  'RUN cat <<<word',
  'RUN 3<<EOF cat\nFROM not:7\nEOF',
  "RUN echo it\\'s",
  'ONBUILD COPY --from=not:8 a b',
  '# FROM not:9',
  'RUN echo a \\\n# FROM not:10\n\n  && echo b',
  'RUN echo trailing \\\\',
  'LABEL a="FROM not:11"',
  'ENV BASE=not:12',
  'ARG BASE=not:13',
  'ADD --chown=1 https://example.com/a /a',
  'CMD ["FROM", "not:14"]',
];
const HEADS = [
  '',
  '# syntax=docker/dockerfile:1\n',
  '# a comment\n# escape=`\n',
  '#escape = \\\n',
  '\uFEFF',
  '# check=skip=all\n# syntax = x\n\n',
];

const stage = fc
  .record({
    keyword: fc.constantFrom('FROM', 'from', '  FROM', 'FROM \\\n '),
    platform: fc.constantFrom('', '', '', '--platform=$BUILDPLATFORM ', '--platform=linux/arm64 '),
    image: fc.constantFrom(...NAMES, ...NAMES, ...MORE_NAMES),
    name: fc.constantFrom('', ' AS build', ' as tools', ' AS Final'),
    instructions: fc.array(fc.constantFrom(...INSTRUCTIONS), { maxLength: 4 }),
  })
  .map(({ keyword, platform, image, name, instructions }) =>
    [`${keyword} ${platform}${image}${name}`, ...instructions].join('\n'),
  );

/** Generated Dockerfiles with everything that can occur next to a `FROM`. BuildKit refuses some of them. */
export const dockerfiles: fc.Arbitrary<DockerfileCase> = fc
  .record({
    head: fc.constantFrom(...HEADS),
    args: fc.array(fc.constantFrom('ARG BASE=default:1', 'ARG BASE=default:1', ...ARGUMENTS), {
      maxLength: 4,
    }),
    stages: fc.array(stage, { minLength: 1, maxLength: 4 }),
    end: fc.constantFrom('\n', '\n', '\r\n'),
    buildArgs: fc.constantFrom({}, {}, { BASE: 'given:1' }, { TAG: '9' }, { NONE: 'given:2', BASE: '' }),
    target: fc.constantFrom('', '', '', 'build', 'FINAL', 'tools'),
    platform: fc.constantFrom('linux/amd64', 'linux/arm64', 'linux/arm/v7'),
  })
  .map(({ head, args, stages, end, ...given }) => ({
    dockerfile: head + `${[...args, ...stages].join('\n')}\n`.replaceAll('\n', end),
    ...given,
  }));
