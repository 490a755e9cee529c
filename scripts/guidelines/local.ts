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
      defect(
        2,
        'Mounting the sources hides what was built: containers end.',
        '`develop.watch` builds again.',
        [compose, 'watch:'],
      ),
      defect(
        3,
        'No order-service, and the frontend knows one port.',
        'One gateway routes paths as the load balancer does.',
        [compose, 'ROUTES: >-'],
      ),
      defect(4, '`depends_on` does not wait for health: a race.', 'Health checks and `service_healthy`.', [
        compose,
        'condition: service_healthy',
      ]),
      defect(
        5,
        '`version:`, `:latest`, admin/admin, open ports, files that are missing.',
        'Images by digest, no administrator, `.env`, all files here.',
        [compose, 'image: postgres:'],
        [compose, 'GF_SECURITY_DISABLE_INITIAL_ADMIN_CREATION'],
        ['services/.env.example', ''],
        ['services/monitoring/prometheus.yml', ''],
      ),
      defect(6, 'Two compose files that assume different folders.', 'One, which is run where it stands.', [
        compose,
        'docker compose up',
      ]),
      defect(
        7,
        'Redis on the machine, none in AWS.',
        'Valkey on both sides: a container here, ElastiCache Serverless there, where it is turned on. The service works without.',
        [compose, '  cache:'],
        ['templates/cache.yml', '  Cache:'],
        ['services/shared/src/cache.ts', 'export class ReadCache'],
      ),
      defect(
        8,
        '`REACT_APP_*` is built in: the image cannot be promoted.',
        'The page is given its settings when it is served.',
        ['services/frontend/src/page-config.ts', 'readEnvironment(settings'],
      ),
    ],
  },
  {
    title: 'Dockerfile',
    defects: [
      defect(
        9,
        'Builds without the development dependencies: the build fails.',
        'All are installed for the build stage; the image gets what was built.',
        [dockerfile, 'npm ci'],
      ),
      defect(10, 'node:18, not pinned.', 'A supported release, by digest.', [dockerfile, 'ARG NODE_IMAGE=']),
      defect(11, 'The context leaves the shared code out.', 'The workspace is the context.', [
        dockerfile,
        'COPY shared shared',
      ]),
      defect(
        12,
        'User without its group, `chown -R`, no .dockerignore, no SIGTERM.',
        'A numbered user that owns nothing; an ignore file; the service ends on SIGTERM.',
        [dockerfile, 'USER 1000'],
        ['services/.dockerignore', ''],
        ['services/shared/src/lifecycle.ts', 'SIGTERM'],
      ),
      defect(
        13,
        'The health check needs curl, which the image lacks: tasks are killed for ever.',
        'Node asks; on ECS the load balancer does.',
        [dockerfile, 'HEALTHCHECK'],
        ['templates/fargate.yml', 'HealthCheckPath: !Ref HealthCheckPath'],
      ),
      defect(
        14,
        'No platform: exec format error.',
        'Built on the builder’s platform for the target’s; the task says which.',
        [dockerfile, '--platform=$BUILDPLATFORM'],
        ['templates/fargate.yml', 'CpuArchitecture: !Ref Architecture'],
      ),
    ],
  },
];
