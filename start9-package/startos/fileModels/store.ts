/**
 * What the host has chosen. StartOS's own file; the pool never reads it (config.ts makes the
 * pool's from it).
 *
 * Every field has a fallback, so that a store of any version, damaged or hand-edited, loads.
 * Objects are loose: a field of a newer version survives a downgrade and back.
 */
import { FileHelper, z } from '@start9labs/start-sdk'
import { files } from '../places'
import { sdk } from '../sdk'

const text = z.string().nullable().catch(null)
const texts = z.array(z.string()).catch([])

const payout = z.looseObject({
  /** Null until the host has chosen: the pool does not start before. */
  mode: z
    .enum(['address', 'descriptor', 'solo', 'shared'])
    .nullable()
    .catch(null),
  /** Both are kept whichever counts, so that going to and fro loses nothing. */
  address: text,
  descriptor: text,
  /** What the host takes of each block that pays miners or members, and where it goes. */
  feePercent: z.number().catch(0),
  feeAddress: text,
  /** What the finder of a shared block is paid ahead of everybody. */
  bonusPercent: z.number().catch(0),
  /** Which work counts in a shared block. The fields of each kind are kept. */
  window: z.enum(['round', 'recent', 'event']).catch('round'),
  windowDifficulties: z.number().nullable().catch(null),
  windowDays: z.number().nullable().catch(null),
  eventStart: text,
  eventEnd: text,
})

const pool = z.looseObject({
  tag: z.string().catch(''),
  sharesPerMinute: z.number().catch(6),
  minDifficulty: z.number().catch(0.00001),
  rental: z.boolean().catch(false),
  rentalDifficulty: z.number().catch(524288),
  templateSeconds: z.number().catch(20),
  templateSatoshi: z.number().catch(10000),
  log: z.enum(['warn', 'info', 'debug']).catch('info'),
})

const iroh = z.looseObject({
  enabled: z.boolean().catch(true),
  relay: z.enum(['none', 'public', 'own']).catch('none'),
  /** Lines that `punchbowl relay` prints. Kept while another choice counts. */
  relays: texts,
  publish: z.boolean().catch(false),
  membersOnly: z.boolean().catch(false),
  members: texts,
})

export const storeShape = z.looseObject({
  payout: payout.catch(payout.parse({})),
  pool: pool.catch(pool.parse({})),
  iroh: iroh.catch(iroh.parse({})),
})

export type Store = z.infer<typeof storeShape>

/** What a new installation starts from. */
export const newStore: Store = storeShape.parse({})

export const storeFile = FileHelper.json(
  { base: sdk.volumes.main, subpath: files.store },
  storeShape,
)

/** The store as it is now. */
export async function readStore(): Promise<Store> {
  return (await storeFile.read().once()) ?? newStore
}
