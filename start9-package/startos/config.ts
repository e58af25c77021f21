/**
 * The pool's configuration, made from the store: a pure function, so that every form can be
 * tried against `punchbowl check-config` before anything is saved.
 *
 * Only what StartOS or the host decides stands here. All else is left to the pool's own
 * defaults, which know better with every version.
 */
import type { Store } from './fileModels/store'
import { socketInContainer } from './deps/bitcoind'
import { data, ports } from './places'

const everywhere = (port: number) => `0.0.0.0:${port}`

/** What goes into config.json. */
export function renderConfig(store: Store) {
  const { payout, pool, iroh } = store
  return {
    network: 'mainnet',
    data_dir: data,
    listen: {
      tcp: [everywhere(ports.sv2)],
      sv1: [everywhere(ports.sv1)],
      high_difficulty: pool.rental ? [everywhere(ports.rental)] : [],
    },
    sv1: { high_difficulty: pool.rentalDifficulty },
    p2p: {
      enabled: iroh.enabled,
      bind: [everywhere(ports.node)],
      // StartOS speaks to the router itself; from a container these packets are dropped.
      port_mapping: false,
      public_relays: iroh.relay === 'public' ? ['n0'] : [],
      relays: iroh.relay === 'own' ? iroh.relays : [],
      ...(iroh.membersOnly
        ? { admission: 'members', members: iroh.members }
        : { admission: 'open' }),
      discovery: {
        // mDNS from a container never reaches the network at home.
        mdns: false,
        dht: iroh.publish ? 'relay-only' : 'off',
      },
      // Its port, 443, is StartOS's.
      relay: { mode: 'off' },
    },
    http: { listen: everywhere(ports.http) },
    template: {
      source: 'bitcoin-core',
      ipc_socket: socketInContainer,
      fee_threshold: pool.templateSatoshi,
      min_interval: pool.templateSeconds,
    },
    payout: { ...renderPayout(payout), pool_tag: pool.tag },
    vardiff: {
      shares_per_minute: pool.sharesPerMinute,
      min_difficulty: pool.minDifficulty,
    },
  }
}

const PPM_PER_PERCENT = 10_000
const SECONDS_PER_DAY = 86_400
const ppm = (percent: number) => Math.round(percent * PPM_PER_PERCENT)

function renderPayout(payout: Store['payout']) {
  const { mode, address, descriptor } = payout
  switch (mode) {
    case 'solo':
      return { mode, ...renderFee(payout) }
    case 'shared':
      return {
        mode,
        ...renderFee(payout),
        finder_bonus_ppm: ppm(payout.bonusPercent),
        ...renderWindow(payout),
      }
    case 'descriptor':
      return { mode: 'fixed', descriptor: descriptor ?? '' }
    // Without an address the pool refuses to start, as it should.
    case 'address':
    case null:
      return address === null ? { mode: 'fixed' } : { mode: 'fixed', address }
  }
}

/** The address is the fee's, and is only named where there is one. */
function renderFee({ feePercent, feeAddress }: Store['payout']) {
  const host_fee_ppm = ppm(feePercent)
  return host_fee_ppm > 0 && feeAddress !== null
    ? { host_fee_ppm, address: feeAddress }
    : { host_fee_ppm }
}

function renderWindow(payout: Store['payout']) {
  const { window } = payout
  switch (window) {
    case 'round':
      return { window }
    case 'recent':
      return {
        window,
        ...(payout.windowDifficulties !== null && {
          window_difficulties: payout.windowDifficulties,
        }),
        ...(payout.windowDays !== null && {
          window_time: payout.windowDays * SECONDS_PER_DAY,
        }),
      }
    case 'event':
      return {
        window,
        ...(payout.eventStart !== null && {
          event_start: utc(payout.eventStart),
        }),
        ...(payout.eventEnd !== null && { event_end: utc(payout.eventEnd) }),
      }
  }
}

/** The form gives minutes, such as 2026-12-24T18:00. */
const utc = (minute: string) =>
  /T\d\d:\d\d$/.test(minute) ? `${minute}:00Z` : minute
