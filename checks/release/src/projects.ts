/** An empty project of a user: the packages to install, and the commands that must succeed after the installation. */
export interface Project {
  name: string
  /** The package managers of a short rehearsal. */
  managers: readonly Manager[]
  /** The package managers of a rehearsal with `--all-managers`. */
  allManagers: readonly Manager[]
  /** The files of the new project. Each has a name in the project and a path in `projects`. */
  files: Readonly<Record<string, string>>
  /** The packages that the package manager installs. */
  dependencies: readonly string[]
  /** The commands. Their arguments must not contain spaces. */
  commands: readonly string[]
}

export type Manager = 'npm' | 'pnpm' | 'bun'

/** Compiles one source as an ECMAScript module and as CommonJS. Uses both the module resolution of Node.js and of bundlers. */
function everyWay(
  name: string,
  managers: readonly Manager[],
  dependencies: readonly string[],
  external: readonly string[] = [],
): Project {
  const source = `${name}.mts`
  return {
    name,
    managers,
    allManagers: ['npm', 'pnpm', 'bun'],
    files: {
      [source]: `applications/${name}.ts`,
      [`${name}.cts`]: `applications/${name}.ts`,
      'tsconfig.nodenext.json': 'every-way/tsconfig.nodenext.json',
      'tsconfig.bundler.json': 'every-way/tsconfig.bundler.json',
      'pnpm-workspace.yaml': 'every-way/pnpm-workspace.yaml',
    },
    dependencies: ['@bcl/core', '@bcl/testing', '@bcl/cli', '@types/node@24', ...dependencies],
    commands: [
      'tsc -p tsconfig.nodenext.json',
      `node dist/${name}.mjs`,
      `node dist/${name}.cjs`,
      'tsc -p tsconfig.bundler.json',
      ['esbuild --bundle --platform=node --tsconfig=tsconfig.bundler.json --outfile=dist/bundle.cjs']
        .concat(
          external.map((pattern) => `--external:${pattern}`),
          source,
        )
        .join(' '),
      'node dist/bundle.cjs',
    ],
  }
}

const nest = (version: number): string[] => [
  '@bcl/nestjs',
  ...['common', 'core', 'platform-express'].map((name) => `@nestjs/${name}@${version}`),
  'reflect-metadata@0.2',
  'rxjs@7',
]

/** Nest imports these packages only if they are installed. */
const optionalToNest = ['@nestjs/microservices', '@nestjs/websockets', 'class-transformer', 'class-validator']

/** A typical NestJS 11 project: TypeScript 5 to CommonJS, `node10` resolution, Jest. */
const nest11: Project = {
  name: 'nest11',
  managers: ['bun'],
  // Without pnpm, because pnpm refuses a dependency of Jest that has an unapproved build script.
  allManagers: ['npm', 'bun'],
  files: {
    'nestjs.ts': 'applications/nestjs.ts',
    ...Object.fromEntries(
      [
        'tsconfig.json',
        'tsconfig.jest.json',
        'logout.test.ts',
        'logout.test.mjs',
        'jest.config.js',
        'jest.transform.config.js',
      ].map((file) => [file, `nest11/${file}`]),
    ),
  },
  dependencies: [
    '@bcl/core',
    '@bcl/testing',
    ...nest(11),
    'typescript@5',
    '@types/node@24',
    'jest@30',
    'ts-jest@29',
    '@types/jest@30',
  ],
  commands: [
    'node_modules/.bin/tsc',
    'node dist/nestjs.js',
    'node --experimental-vm-modules node_modules/.bin/jest',
    'node node_modules/.bin/jest --config jest.transform.config.js',
  ],
}

/**
 * All projects. The slowest project comes first. pnpm installs every project except nest11, because only pnpm finds a package that imports another
 * package without declaring it. npm and bun install into one flat folder, so one project for each of them is enough.
 */
export const projects: readonly Project[] = [
  nest11,
  everyWay('nestjs', ['pnpm'], nest(12), optionalToNest),
  everyWay('hono', ['pnpm', 'npm'], ['@bcl/hono', '@bcl/sql', '@bcl/ssf', 'hono@4']),
  everyWay('koa', ['pnpm'], ['@bcl/koa', 'koa@3', '@types/koa@3']),
  everyWay('express', ['pnpm'], ['@bcl/express', 'express@5', '@types/express@5']),
  everyWay('fastify', ['pnpm', 'bun'], ['@bcl/fastify', 'fastify@5']),
  everyWay('redis', ['pnpm'], ['@bcl/redis', 'redis@6']),
]
