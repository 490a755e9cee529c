import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Recorded responses of docker, if they differ from those of buildx with its own container. */
export interface Recording {
  /** The driver in `docker buildx inspect`. */
  driver?: string;
  /** The standard error and exit code of each `docker buildx build`, in order. */
  builds?: { progress: string; exitCode?: number; hangs?: boolean }[];
  /** The duration of each build, in seconds. */
  seconds?: number;
  /** The digest in the metadata file. */
  digest?: string;
  /** The output of `docker buildx bake --print`. Without it, the command fails. */
  bake?: object;
}

/** A recording of `docker buildx build` with a container's builder. */
export const PROGRESS = `#0 building with "builder-1" instance using docker-container driver
#5 [build 1/2] FROM docker.io/library/node:24
#5 DONE 0.1s
#6 [build 2/2] RUN npm ci
#6 CACHED
#9 exporting to image
#9 pushing layers 0.9s done
#9 DONE 1.4s`;

const NODE = `Nodes:
Name:             builder-10
Endpoint:         unix:///var/run/docker.sock
Status:           running
BuildKit version: v0.34.2
Platforms:        linux/amd64, linux/amd64/v2, linux/386
`;

/**
 * A program named docker that plays recorded responses and records its calls. The metadata file has the format of
 * buildx.
 */
export class DockerPlayback {
  readonly folder: string;
  readonly env: Record<string, string>;

  constructor(
    folder: string,
    {
      driver = 'docker-container',
      builds = [{ progress: PROGRESS }],
      digest = '',
      bake,
      seconds = 0,
    }: Recording,
  ) {
    this.folder = folder;
    this.env = { PATH: `${folder}:/usr/bin:/bin`, PLAYBACK: folder };
    const files = {
      'version.json': JSON.stringify({ Client: { Version: '28.2.2' }, Server: null }),
      'inspect.txt': `Name:          builder-1\nDriver:        ${driver}\n\n${NODE}`,
      docker: SCRIPT,
      seconds: String(seconds),
      ...(bake && { 'bake.json': JSON.stringify(bake) }),
    };
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
    for (const [index, { progress, exitCode = 0, hangs = false }] of builds.entries()) {
      writeFileSync(join(folder, `build-${index + 1}`), `${progress}\n`);
      writeFileSync(join(folder, `exit-${index + 1}`), hangs ? 'hangs' : String(exitCode));
    }
    chmodSync(join(folder, 'docker'), 0o755);
    this.answer(digest);
  }

  /** Sets the digest in the metadata file of the next builds. */
  answer(digest: string): void {
    const metadata = { 'buildx.build.ref': 'builder-1/builder-10/x', 'containerimage.digest': digest };
    writeFileSync(join(this.folder, 'metadata.json'), JSON.stringify(metadata));
  }

  /** Each command line so far. */
  get calls(): string[] {
    return this.read('calls').trim().split('\n').filter(Boolean);
  }

  get builds(): string[] {
    return this.calls.filter((call) => call.startsWith('buildx build '));
  }

  /** The maximum number of parallel builds. */
  get mostBuilds(): number {
    let [running, most] = [0, 0];
    for (const change of this.read('running').trim().split('\n')) {
      running += change === '+' ? 1 : -1;
      most = Math.max(most, running);
    }
    return most;
  }

  /** The input of docker: `password`, `secret`, `config`. */
  read(name: string): string {
    const file = join(this.folder, name);
    return existsSync(file) ? readFileSync(file, 'utf8') : '';
  }
}

const SCRIPT = `#!/bin/sh
echo "$*" >> "$PLAYBACK/calls"
case "$*" in
  'version '*) cat "$PLAYBACK/version.json"; exit 1 ;;
  'buildx version') echo 'github.com/docker/buildx v0.24.0' ;;
  'buildx inspect') cat "$PLAYBACK/inspect.txt" ;;
  'login '*) cat > "$PLAYBACK/password"; echo "$DOCKER_CONFIG" > "$PLAYBACK/config"; test -f "$DOCKER_CONFIG/config.json" ;;
  'buildx bake '*)
    pwd > "$PLAYBACK/bake-folder"
    cat "$PLAYBACK/bake.json" || { echo 'ERROR: failed to find target' >&2; exit 1; } ;;
  'buildx build '*)
    printf '%s' "$BUILD_SECRET_0" > "$PLAYBACK/secret"
    env > "$PLAYBACK/environment"
    number=$(grep -c '^buildx build ' "$PLAYBACK/calls")
    test -f "$PLAYBACK/build-$number" || number=1
    trap 'echo interrupted > "$PLAYBACK/interrupted"; exit 130' INT
    echo '+' >> "$PLAYBACK/running"
    cat "$PLAYBACK/build-$number" >&2
    sleep "$(cat "$PLAYBACK/seconds")"
    while test "$(cat "$PLAYBACK/exit-$number")" = hangs; do sleep 0.05; done
    while test $# -gt 0; do
      if test "$1" = --metadata-file; then cp "$PLAYBACK/metadata.json" "$2"; fi
      shift
    done
    echo '-' >> "$PLAYBACK/running"
    exit "$(cat "$PLAYBACK/exit-$number")" ;;
  *) echo "unexpected: docker $*" >&2; exit 125 ;;
esac
`;
