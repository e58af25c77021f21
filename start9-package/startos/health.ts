/** How the pool fares, in plain words: pure functions of what the pool last wrote. */
import type { Status } from './fileModels/status'
import type { Store } from './fileModels/store'
import { i18n } from './i18n'

export type Health = {
  result: 'success' | 'loading' | 'disabled' | 'starting' | 'failure'
  message: string
}

/** The pool writes every five seconds; after this long it does not any more. */
const SILENT_AFTER_SECONDS = 60
/** Fees rise all the time on mainnet: without a template for so long, something may be wrong. */
const OLD_TEMPLATE_SECONDS = 20 * 60

const healthy = (message: string): Health => ({ result: 'success', message })
const busy = (message: string): Health => ({ result: 'loading', message })
const bad = (message: string): Health => ({ result: 'failure', message })

/** The status, if the pool wrote it just now; else what to say. */
function fresh(status: Status | null, now: number): Status | Health {
  if (status === null) {
    return {
      result: 'starting',
      message: i18n('The pool has not said yet how it fares'),
    }
  }
  const silent = Math.round(now / 1000 - status.written_at)
  return silent > SILENT_AFTER_SECONDS
    ? {
        result: 'starting',
        message: i18n('The pool last said how it fares ${seconds} s ago', {
          seconds: silent,
        }),
      }
    : status
}

const isHealth = (value: Status | Health): value is Health =>
  'result' in value && 'message' in value

/** Block templates from Bitcoin. `now` is in milliseconds, as everywhere here. */
export function templates(status: Status | null, now: number): Health {
  const known = fresh(status, now)
  if (isHealth(known)) return known
  const { source, template } = known
  if (source?.state === 'syncing') {
    return busy(
      i18n('Bitcoin is still downloading the chain; mining begins after that'),
    )
  }
  if (source?.state !== 'serving') {
    return bad(
      i18n(
        'Bitcoin is not reached. Is it running, and is IPC enabled in it? ${detail}',
        { detail: source?.detail ?? '' },
      ).trim(),
    )
  }
  if (template === null) {
    return busy(i18n('Waiting for the first block template'))
  }
  const age = Math.round(template.age_seconds)
  if (age > OLD_TEMPLATE_SECONDS) {
    return busy(
      i18n(
        'Block ${height}: no news from Bitcoin for ${minutes} min. Is it in sync?',
        { height: template.height, minutes: Math.round(age / 60) },
      ),
    )
  }
  return healthy(
    i18n('Mining block ${height}; template of ${seconds} s ago', {
      height: template.height,
      seconds: age,
    }),
  )
}

/** Miners. None is no failure. */
export function miners(status: Status | null, now: number): Health {
  const known = fresh(status, now)
  if (isHealth(known)) return known
  const channels = known.connection_counts?.channels ?? 0
  return channels === 0
    ? busy(i18n('No miner is connected; see Connection Info'))
    : healthy(i18n('${count} miners are connected', { count: channels }))
}

/** Members by node id. */
export function members(
  status: Status | null,
  { iroh }: Store,
  now: number,
): Health {
  if (!iroh.enabled) {
    return { result: 'disabled', message: i18n('Off in Invites and Relays') }
  }
  const known = fresh(status, now)
  if (isHealth(known)) return known
  const paths = known.connection_counts?.paths ?? {}
  const relayed = paths['iroh-relayed'] ?? 0
  const direct = Object.entries(paths)
    .filter(([kind]) => kind.startsWith('iroh-') && kind !== 'iroh-relayed')
    .reduce((sum, [, count]) => sum + count, 0)
  return healthy(
    direct + relayed === 0
      ? i18n('Ready for members with an invite')
      : i18n('${direct} members connect directly, ${relayed} through a relay', {
          direct,
          relayed,
        }),
  )
}

/** Whether shares reach the disk. */
export function ledger(status: Status | null, now: number): Health {
  const known = fresh(status, now)
  if (isHealth(known)) return known
  switch (known.ledger?.state) {
    case undefined:
      return busy(i18n('Opening the ledger'))
    case 'working':
      return healthy(i18n('Every accepted share is on disk'))
    default:
      return bad(
        i18n('Shares do not reach the disk. ${detail}', {
          detail: known.ledger?.detail ?? '',
        }).trim(),
      )
  }
}
