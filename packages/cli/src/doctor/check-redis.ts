import { connect, isIP, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { good, problem, warning, type DoctorFinding } from './finding.js'
import { reasonOf } from '../network/reach.js'

/** Commands in the protocol of Redis. */
const encode = (words: readonly string[]): string =>
  `*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join('')}`

function open(url: URL): Socket {
  const at = { host: url.hostname.replace(/^\[|\]$/g, ''), port: Number(url.port || 6379) }
  return url.protocol === 'rediss:'
    ? connectTls({ ...at, ...(isIP(at.host) === 0 && { servername: at.host }) })
    : connect(at)
}

/** Sends commands at once, and gives all that comes until the server hangs up. */
function converse(url: URL, commands: readonly (readonly string[])[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = open(url)
    let answer = ''
    socket.setEncoding('utf8')
    socket.setTimeout(5000, () => socket.destroy(new Error('no answer within 5 s')))
    socket.on('data', (text: string) => (answer += text))
    socket.on('error', reject)
    socket.on('close', () => resolve(answer))
    socket.write([...commands, ['QUIT']].map(encode).join(''))
  })
}

/** Looks at whether the Redis server may throw logouts away when its memory is full. */
export async function checkRedis(address: string): Promise<DoctorFinding> {
  const url = new URL(address)
  const names = [url.username, url.password].filter((part) => part !== '').map(decodeURIComponent)
  const login = names.length > 0 ? [['AUTH', ...names]] : []
  try {
    const answer = await converse(url, [...login, ['INFO', 'memory']])
    const policy = /^maxmemory_policy:(\S+)/m.exec(answer)?.[1]
    if (policy === 'noeviction') return good('Redis keeps what it was given: maxmemory-policy is noeviction.')
    if (policy !== undefined) {
      const remedy = 'Set it to noeviction: what is evicted is a logout, and its session lives again.'
      return problem(`Redis may throw logouts away: maxmemory-policy is ${policy}.`, remedy)
    }
    const reason = /^-(.*?)\.?\r?$/m.exec(answer)?.[1] ?? 'it does not say'
    return warning(
      `What Redis does when it is full is not known: ${reason}.`,
      'See that maxmemory-policy is noeviction.',
    )
  } catch (error) {
    return problem(`Redis cannot be reached: ${reasonOf(error)}.`, 'Start it, and see the address.')
  }
}
