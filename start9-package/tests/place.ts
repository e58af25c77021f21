/** What a test has at hand: StartOS, the volume, and the forms as a host fills them in. */
import assert from 'node:assert/strict'
import type { T } from '@start9labs/start-sdk'
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { init } from '../startos'
import { StartOs } from './effects'

const volume = process.env.TEST_VOLUME!

/**
 * A StartOS with an empty volume. The store is emptied and not deleted after the first time:
 * what the package watched under the StartOS of before may be about to read it.
 */
export function freshStartOs(): StartOs {
  last?.end()
  for (const name of readdirSync(volume)) {
    if (name === 'store.json') {
      writeFileSync(join(volume, 'empty'), '{}')
      renameSync(join(volume, 'empty'), join(volume, name))
    } else {
      rmSync(join(volume, name), { recursive: true, force: true })
    }
  }
  last = new StartOs()
  return last
}

let last: StartOs | undefined

/** Runs the package's init to its end; the list of addresses is written by a task of its own. */
export async function initialise(
  os: StartOs,
  kind: 'install' | 'update' | 'restore' | null,
): Promise<void> {
  rmSync(join(volume, LIST), { force: true })
  await init({ effects: os.effects(), kind })
  await until('the list of addresses', () => has(LIST))
}

const LIST = 'run/external-addrs.json'

/** Waits for what a task of the package does. */
export async function until(
  what: string,
  happened: () => boolean,
): Promise<void> {
  const late = Date.now() + 60_000
  while (!happened()) {
    assert.ok(Date.now() < late, `waited in vain for ${what}`)
    await new Promise(resolve => setImmediate(resolve))
  }
}

export const write = (name: string, content: unknown): void => {
  mkdirSync(dirname(join(volume, name)), { recursive: true })
  const text = typeof content === 'string' ? content : JSON.stringify(content)
  writeFileSync(join(volume, name), text)
}

export const text = (name: string): string =>
  readFileSync(join(volume, name), 'utf8')

export const read = (name: string): any =>
  JSON.parse(readFileSync(join(volume, name), 'utf8'))

export const has = (name: string): boolean => existsSync(join(volume, name))

export const list = (name: string): string[] => readdirSync(join(volume, name))

type AnyAction = {
  getInput(options: {
    effects: T.Effects
    prefill: null
  }): Promise<T.ActionInput>
  run(options: { effects: T.Effects; input: any }): Promise<any>
  exportMetadata(options: { effects: T.Effects }): Promise<T.ActionMetadata>
}

/** Opens an action's form and sends it, as StartOS does. */
export async function submit(
  os: StartOs,
  action: unknown,
  input: unknown = {},
): Promise<any> {
  const effects = os.effects()
  await (action as AnyAction).getInput({ effects, prefill: null })
  return (action as AnyAction).run({ effects, input })
}

/** What an action's form shows when it is opened. */
export async function prefill(os: StartOs, action: unknown): Promise<any> {
  const effects = os.effects()
  return (await (action as AnyAction).getInput({ effects, prefill: null }))
    .value
}

/** A result's values by name. */
export const valuesOf = (result: any): Map<string, any> =>
  new Map(result.result.value.map((member: any) => [member.name, member]))

// BIP173's example, and BIP84's test vector with the addresses that it gives for 0/0 and 0/1.
export const ADDRESS = 'bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4'
export const DESCRIPTOR =
  'wpkh(xpub6CatWdiZiodmUeTDp8LT5or8nmbKNcuyvz7WyksVFkKB4RHwCD3XyuvPEbvqAQY3rAPshWcMLoP2fMFMKHPJ4ZeZXYVUhLv1VMrjPC7PW6V/0/*)'
export const FIRST = 'bc1qcr8te4kr609gcawutmrza0j4xv80jy8z306fyu'
export const SECOND = 'bc1qnjg0jd8228aq7egyzacy8cys3knf9xvrerkf9g'
export const AUTHORITY = '9bXiEd8boQVhq7WddEcERUL5tyyJVFYdU8th3HfbNXK3Yw6GRXh'
export const NODE = '47pjoycnsrfmxikm95jh13y88e8qnhzu5kungjpxyepgt7a8krpy'

const INVITE = `stratum2+iroh://${NODE}/${AUTHORITY}`

/** As a pool that has run writes it. */
export const identity = {
  node_id: NODE,
  authority_key: AUTHORITY,
  invite: `${INVITE}?a=203.0.113.7:31204`,
  invite_with_private: `${INVITE}?a=203.0.113.7:31204&a=10.0.3.5:11204&a=192.168.1.50:31204`,
  tcp: [`stratum2+tcp://10.0.3.5:3336/${AUTHORITY}`],
}

/** As a pool that mines writes it. */
export const status = (now: number) => ({
  written_at: Math.round(now / 1000),
  serving: true,
  source: { state: 'serving', detail: null },
  template: {
    height: 930_000,
    prev_hash: '00'.repeat(32),
    age_seconds: 12.3,
    fees: 5_000_000,
    subsidy: 312_500_000,
    transactions: 3100,
  },
  ledger: { state: 'working', detail: null },
  connection_counts: {
    open: 3,
    channels: 3,
    paths: { tcp: 1, 'iroh-direct': 1, 'iroh-relayed': 1 },
  },
})

/** StartOS's word on our ports: at home, from the internet, and for other containers. No port
 * is the one that was wished for. */
export function host(os: StartOs): T.Host {
  const bindings = Object.fromEntries(
    [...os.bound].map(([internalPort, options]) => {
      const port = internalPort + 20_000
      const at = (
        hostname: string,
        isPublic: boolean,
        metadata: T.HostnameMetadata,
      ): T.HostnameInfo => ({
        ssl: false,
        public: isPublic,
        hostname,
        port,
        metadata,
      })
      return [
        internalPort,
        {
          enabled: true,
          options,
          net: { assignedPort: port, assignedSslPort: null },
          addresses: {
            enabled: [`203.0.113.7:${port}`],
            disabled: [],
            guaWan: [],
            available: [
              at('adjective-noun.local', false, {
                kind: 'mdns',
                gateways: ['eth0'],
              }),
              at('203.0.113.7', true, { kind: 'ipv4', gateway: 'eth0' }),
              at('192.168.1.50', false, { kind: 'ipv4', gateway: 'eth0' }),
              at('fe80::1', false, {
                kind: 'ipv6',
                gateway: 'eth0',
                scopeId: 2,
              }),
              at('10.0.3.1', false, { kind: 'ipv4', gateway: 'lxcbr0' }),
            ],
          },
          interfaces: Object.fromEntries(
            [...os.interfaces].filter(
              ([, { addressInfo }]) =>
                addressInfo.internalPort === internalPort,
            ),
          ),
        },
      ]
    }),
  )
  return {
    bindings,
    bindingRanges: {},
    publicDomains: {},
    privateDomains: {},
    portForwards: [],
  } as unknown as T.Host
}
