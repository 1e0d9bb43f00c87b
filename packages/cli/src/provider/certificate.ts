import 'reflect-metadata'
import { createHash } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  BasicConstraintsExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509'

const { subtle } = globalThis.crypto
const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const
const year = 365 * 24 * 60 * 60 * 1000

/** The key and the certificate of an https server, in PEM. */
export interface ServerCertificate {
  key: string
  cert: string
  /** The file with the certificate of the CA, in PEM. */
  caFile: string
}

type KeyPair = Awaited<ReturnType<typeof generateKeys>>

const generateKeys = () => subtle.generateKey(algorithm, true, ['sign', 'verify'])

async function toPem(key: KeyPair['privateKey']): Promise<string> {
  const text = Buffer.from(await subtle.exportKey('pkcs8', key)).toString('base64')
  return `-----BEGIN PRIVATE KEY-----\n${text.replace(/.{64}/g, '$&\n')}\n-----END PRIVATE KEY-----\n`
}

/** A CA of this machine. It signs certificates for the provider only. */
interface Ca {
  certificate: X509Certificate
  privateKey: KeyPair['privateKey']
}

async function createCa(): Promise<Ca> {
  const keys = await generateKeys()
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: 'CN=bcl development CA',
    keys,
    signingAlgorithm: algorithm,
    notBefore: new Date(Date.now() - 60_000),
    notAfter: new Date(Date.now() + 10 * year),
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
    ],
  })
  return { certificate, privateKey: keys.privateKey }
}

/** Returns the CA in the folder. Makes a new CA if the folder has none, or if the CA cannot be read or expires soon. */
async function loadOrCreateCa(folder: string): Promise<Ca> {
  const [certFile, keyFile] = [join(folder, 'ca.pem'), join(folder, 'ca-key.json')]
  try {
    const [pem, jwk] = await Promise.all([readFile(certFile, 'utf8'), readFile(keyFile, 'utf8')])
    const certificate = new X509Certificate(pem)
    if (certificate.notAfter.getTime() < Date.now() + year / 12) throw new Error('the CA expires soon')
    const privateKey = await subtle.importKey('jwk', JSON.parse(jwk) as object, algorithm, true, ['sign'])
    return { certificate, privateKey }
  } catch {
    const ca = await createCa()
    await mkdir(folder, { recursive: true, mode: 0o700 })
    await writeFile(keyFile, JSON.stringify(await subtle.exportKey('jwk', ca.privateKey)), { mode: 0o600 })
    await writeFile(certFile, `${ca.certificate.toString('pem')}\n`)
    return ca
  }
}

/**
 * Returns a certificate for a host. The CA in the folder signs the certificate.
 *
 * @param host A name, or an IP address without brackets.
 */
export async function createServerCertificate(folder: string, host: string): Promise<ServerCertificate> {
  const ca = await loadOrCreateCa(folder)
  const keys = await generateKeys()
  const isAddress = /^[\d.]+$|:/.test(host)
  const certificate = await X509CertificateGenerator.create({
    serialNumber: createHash('sha256').update(crypto.randomUUID()).digest('hex').slice(0, 32).replace(/^./, '1'),
    subject: 'CN=bcl development provider',
    issuer: ca.certificate.subject,
    publicKey: keys.publicKey,
    signingKey: ca.privateKey,
    signingAlgorithm: algorithm,
    notBefore: new Date(Date.now() - 60_000),
    // Some clients refuse a certificate with a longer life.
    notAfter: new Date(Date.now() + year),
    extensions: [
      new BasicConstraintsExtension(false),
      new SubjectAlternativeNameExtension([{ type: isAddress ? 'ip' : 'dns', value: host }]),
    ],
  })
  return { key: await toPem(keys.privateKey), cert: certificate.toString('pem'), caFile: join(folder, 'ca.pem') }
}
