import { vi } from 'vitest'
import './suites/endpoint.js'
import './suites/module.js'
import './suites/security-events.js'
import './suites/listeners.js'
import './suites/guard.js'
import './suites/allow-logged-out.js'
import './suites/shutdown.js'
import './suites/adapter.js'

vi.mock('@nestjs/common', () => import('nest11/common'))
vi.mock('@nestjs/core', () => import('nest11/core'))
vi.mock('@nestjs/platform-express', () => import('nest11/platform-express'))
vi.mock('@nestjs/platform-fastify', () => import('nest11/platform-fastify'))
vi.mock('@nestjs/platform-ws', () => import('nest11/platform-ws'))
vi.mock('@nestjs/testing', () => import('nest11/testing'))
vi.mock('@nestjs/throttler', () => import('nest11/throttler'))
vi.mock('@nestjs/websockets', () => import('nest11/websockets'))
