import { defect } from './defect.ts';
import type { Section } from './defect.ts';

const compose = 'services/compose.yml';
const dockerfile = 'services/user-service/Dockerfile';

/** Section 2: Docker on the developer's machine. */
export const local: Section[] = [
  {
    title: 'Docker Compose',
    defects: [
      defect(1, 'Two services publish port 3001: `up` fails.', 'One published port each, on 127.0.0.1.', [
        compose,
        "ports: ['127.0.0.1:3030:3000']",
      ]),
      defect(2, 'Mounting the sources hides the build, so containers exit.', '`develop.watch` rebuilds.', [
        compose,
        'watch:',
      ]),
      defect(
        3,
        'No order-service, and the frontend uses one port.',
        'One gateway routes paths as the load balancer does.',
        [compose, 'ROUTES: >-'],
      ),
      defect(4, '`depends_on` does not wait for health: a race.', 'Health checks and `service_healthy`.', [
        compose,
        'condition: service_healthy',
      ]),
      defect(
        5,
        '`version:`, `:latest`, admin/admin, open ports, missing files.',
        'Images by digest, no administrator, `.env`, all files included.',
        [compose, 'image: postgres:'],
        [compose, 'GF_SECURITY_DISABLE_INITIAL_ADMIN_CREATION'],
        ['services/.env.example', ''],
        ['services/monitoring/prometheus.yml', ''],
      ),
      defect(6, 'Two compose files for different folders.', 'One, run in its own folder.', [
        compose,
        'docker compose up',
      ]),
      defect(
        7,
        'Redis locally, none on AWS.',
        'Valkey in both: a container locally, optionally ElastiCache Serverless on AWS. The service works without it.',
        [compose, '  cache:'],
        ['templates/cache.yml', '  Cache:'],
        ['services/shared/src/cache.ts', 'export class ReadCache'],
      ),
      defect(
        8,
        '`REACT_APP_*` is fixed at build time, so the image cannot be promoted.',
        'The page gets its configuration when it is served.',
        ['services/frontend/src/page-config.ts', 'readEnvironment(settings'],
      ),
    ],
  },
  {
    title: 'Dockerfile',
    defects: [
      defect(
        9,
        'The build fails without the development dependencies.',
        'All are installed in the build stage; the image contains only the build.',
        [dockerfile, 'npm ci'],
      ),
      defect(10, 'node:18, unpinned.', 'A supported release, by digest.', [dockerfile, 'ARG NODE_IMAGE=']),
      defect(11, 'The context does not contain the shared code.', 'The workspace is the context.', [
        dockerfile,
        'COPY shared shared',
      ]),
      defect(
        12,
        'A user without a group, `chown -R`, no .dockerignore, SIGTERM is ignored.',
        'A numeric user that owns no files; an ignore file; the service shuts down on SIGTERM.',
        [dockerfile, 'USER 1000'],
        ['services/.dockerignore', ''],
        ['services/shared/src/lifecycle.ts', 'SIGTERM'],
      ),
      defect(
        13,
        'The health check needs curl, which the image does not have, so tasks are killed repeatedly.',
        'Node.js checks it; on ECS, the load balancer does.',
        [dockerfile, 'HEALTHCHECK'],
        ['templates/fargate.yml', 'HealthCheckPath: !Ref HealthCheckPath'],
      ),
      defect(
        14,
        'No platform: exec format error.',
        'Built for the target platform, which the task definition sets.',
        [dockerfile, '--platform=$BUILDPLATFORM'],
        ['templates/fargate.yml', 'CpuArchitecture: !Ref Architecture'],
      ),
    ],
  },
];
