/** Ports and paths, each said once. */

/** Inside the container. What they become outside is for StartOS to say: see addresses.ts. */
export const ports = {
  /** The dashboard and its API. */
  http: 8080,
  /** Stratum V1 alone. */
  sv1: 3335,
  /** Stratum V2; old miners are understood here too. */
  sv2: 3336,
  /** Stratum V1 for rented hash rate. */
  rental: 3337,
  /** UDP: members by node id. */
  node: 11204,
} as const

/** Where the volume `main` is in the container. */
export const data = '/data'

/** In the volume `main`. */
export const files = {
  /** What the host has chosen; StartOS's. */
  store: 'store.json',
  /** What the pool reads, made from it at each start. */
  config: 'config.json',
  /** A configuration that is to be tried. */
  candidate: 'run/candidate.json',
  identity: 'run/identity.json',
  status: 'run/status.json',
  externalAddresses: 'run/external-addrs.json',
  authorityKey: 'authority.key',
  nodeKey: 'node.key',
} as const

/** The one host that all ports hang on. */
export const hostId = 'main'

/** The interfaces' ids. */
export const interfaceIds = {
  http: 'ui',
  sv1: 'sv1',
  sv2: 'sv2',
  rental: 'sv1-rental',
  node: 'node',
} as const
