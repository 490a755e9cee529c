/** A Dockerfile and what a build of it is given. */
export interface DockerfileCase {
  dockerfile: string;
  buildArgs: Record<string, string>;
  target: string;
  platform: string;
}

type Pick = <T>(items: readonly T[]) => T;

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

/** Dockerfiles of all that may stand beside a `FROM`; BuildKit refuses some of them. */
export function randomDockerfile(pick: Pick, chance: (likelihood: number) => boolean): DockerfileCase {
  const lines: string[] = [];
  if (chance(0.8)) lines.push('ARG BASE=default:1');
  while (chance(0.6)) lines.push(pick(ARGUMENTS));
  const stages = ['build', 'tools', 'Final', ''];
  do {
    const keyword = pick(['FROM', 'from', '  FROM', 'FROM \\\n ']);
    const platform = chance(0.2) ? pick(['--platform=$BUILDPLATFORM ', '--platform=linux/arm64 ']) : '';
    const name = pick(stages);
    lines.push(
      `${keyword} ${platform}${pick(chance(0.5) ? NAMES : MORE_NAMES)}${name && ` ${pick(['AS', 'as'])} ${name}`}`,
    );
    while (chance(0.6)) lines.push(pick(INSTRUCTIONS));
  } while (chance(0.6));
  const end = chance(0.2) ? '\r\n' : '\n';
  return {
    dockerfile: pick(HEADS) + lines.join('\n').replaceAll('\n', end) + (chance(0.8) ? end : ''),
    buildArgs: chance(0.4) ? pick([{ BASE: 'given:1' }, { TAG: '9' }, { NONE: 'given:2', BASE: '' }]) : {},
    target: chance(0.3) ? pick(['build', 'FINAL', 'tools', '0']) : '',
    platform: pick(['linux/amd64', 'linux/arm64', 'linux/arm/v7']),
  };
}
