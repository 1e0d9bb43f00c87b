/** An empty project: what a user installs into it, and what must then succeed there. */
export interface Project {
  name: string
  managers: readonly Manager[]
  /** Files of `projects` that it starts with, and what they are called there. */
  files: Readonly<Record<string, string>>
  /** What the package manager is told to add. */
  dependencies: readonly string[]
  /** Split at spaces. */
  commands: readonly string[]
}

export type Manager = 'npm' | 'pnpm' | 'bun'

/** One source as an ECMAScript module and as CommonJS, as Node resolves modules and as bundlers do. */
function everyWay(name: string, dependencies: readonly string[], external: readonly string[] = []): Project {
  const source = `${name}.mts`
  return {
    name,
    managers: ['npm', 'pnpm', 'bun'],
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

/** What Nest imports only where it is installed. */
const optionalToNest = ['@nestjs/microservices', '@nestjs/websockets', 'class-transformer', 'class-validator']

/** NestJS 11 as its projects are set up: TypeScript 5 to CommonJS, `node10` resolution, Jest. */
const nest11: Project = {
  name: 'nest11',
  managers: ['bun'],
  files: {
    'nestjs.ts': 'applications/nestjs.ts',
    ...Object.fromEntries(
      ['tsconfig.json', 'logout.test.ts', 'logout.test.mjs', 'jest.config.js', 'jest.transform.config.js'].map(
        (file) => [file, `nest11/${file}`],
      ),
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

/** The longest first. */
export const projects: readonly Project[] = [
  nest11,
  everyWay('nestjs', nest(12), optionalToNest),
  everyWay('hono', ['@bcl/hono', '@bcl/sql', 'hono@4']),
  everyWay('koa', ['@bcl/koa', 'koa@3', '@types/koa@3']),
  everyWay('express', ['@bcl/express', 'express@5', '@types/express@5']),
  everyWay('fastify', ['@bcl/fastify', 'fastify@5']),
  everyWay('redis', ['@bcl/redis', 'redis@6']),
]
