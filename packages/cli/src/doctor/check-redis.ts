import { connect, isIP, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { reasonOf } from '../network/reason-of.js'
import { good, problem, warning, type DoctorFinding } from './finding.js'

/** The largest length of the answers. `INFO memory` has a few kilobytes. */
const maxLength = 100_000

/** Encodes a command in the Redis protocol (RESP). */
const encodeCommand = (words: readonly string[]): string =>
  `*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join('')}`

function openSocket(url: URL): Socket {
  const address = { host: url.hostname.replace(/^\[|\]$/g, ''), port: Number(url.port || 6379) }
  return url.protocol === 'rediss:'
    ? connectTls({ ...address, ...(isIP(address.host) === 0 && { servername: address.host }) })
    : connect(address)
}

/** Sends commands and QUIT. Returns all answers that the server sends before it closes the connection. */
function sendCommands(url: URL, commands: readonly (readonly string[])[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = openSocket(url)
    let answer = ''
    const timer = setTimeout(() => socket.destroy(new Error('no complete answer within 5 s')), 5000)
    socket.setEncoding('utf8')
    socket.on('data', (text: string) => {
      answer += text
      if (answer.length > maxLength) socket.destroy(new Error('the answer is too long'))
    })
    socket.on('error', reject)
    socket.on('close', () => {
      clearTimeout(timer)
      resolve(answer)
    })
    socket.write([...commands, ['QUIT']].map(encodeCommand).join(''))
  })
}

/** Checks whether the Redis server can evict logouts when its memory is full. */
export async function checkRedis(address: string): Promise<DoctorFinding> {
  const url = new URL(address)
  const credentials = [url.username, url.password].filter((part) => part !== '').map(decodeURIComponent)
  const login = credentials.length > 0 ? [['AUTH', ...credentials]] : []
  try {
    const answer = await sendCommands(url, [...login, ['INFO', 'memory']])
    const policy = /^maxmemory_policy:(\S+)/m.exec(answer)?.[1]
    if (policy === 'noeviction') return good('Redis evicts no logout: maxmemory-policy is noeviction.')
    if (policy !== undefined) {
      const remedy = 'Set maxmemory-policy to noeviction. If Redis evicts a logout, the session works again.'
      return problem(`Redis can evict logouts: maxmemory-policy is ${policy}.`, remedy)
    }
    const reason = /^-(.*?)\.?\r?$/m.exec(answer)?.[1] ?? 'INFO does not show it'
    return warning(`The maxmemory-policy of Redis is unknown: ${reason}.`, 'Make sure that the policy is noeviction.')
  } catch (error) {
    return problem(`Redis cannot be reached: ${reasonOf(error)}.`, 'Start Redis and check the address.')
  }
}
