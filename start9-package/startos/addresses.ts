/**
 * Where the outside reaches the pool. StartOS says; a port may have become another one, so
 * that nothing here is ever made of a preferred port.
 */
import type { T } from '@start9labs/start-sdk'
import { hostId, interfaceIds, ports } from './places'
import { sdk } from './sdk'

/** An address, and whether the whole internet can use it. */
export type Place = { host: string; port: number; public: boolean }

/** Our host, to be read once, watched or followed. */
export const ownHost = (effects: T.Effects) => sdk.host.getOwn(effects, hostId)

/** What StartOS knows of it. */
export type OwnHost = Awaited<ReturnType<ReturnType<typeof ownHost>['once']>>

/** The places of one port, those that miners like best first: IPv4 at home, public IPv4, names. */
export function placesOf(
  host: OwnHost,
  port: number,
  interfaceId: string,
): Place[] {
  const address = host?.bindings[port]?.interfaces[interfaceId]?.addressInfo
  if (!address) return []
  return address.nonLocal.hostnames
    .flatMap(({ hostname, port, public: isPublic, metadata, ssl }) =>
      port === null || ssl
        ? []
        : [
            {
              place: {
                host: metadata.kind === 'ipv6' ? `[${hostname}]` : hostname,
                port,
                public: isPublic,
              },
              rank: rank(metadata.kind, isPublic),
            },
          ],
    )
    .sort((a, b) => a.rank - b.rank)
    .map(({ place }) => place)
}

/** Many miners cannot look up a name that ends in .local, so these come last. */
function rank(kind: T.HostnameMetadata['kind'], isPublic: boolean): number {
  switch (kind) {
    case 'ipv4':
      return isPublic ? 1 : 0
    case 'public-domain':
    case 'private-domain':
      return 2
    case 'ipv6':
      return 3
    case 'plugin':
      return 4
    case 'mdns':
      return 5
  }
}

/**
 * Where the node id is dialled, as the pool wants to be told: IP addresses with the ports that
 * StartOS has given.
 */
export function externalAddresses(host: OwnHost): string[] {
  const address =
    host?.bindings[ports.node]?.interfaces[interfaceIds.node]?.addressInfo
  if (!address) return []
  const ips = address.nonLocal.hostnames.filter(
    ({ metadata: { kind } }) => kind === 'ipv4' || kind === 'ipv6',
  )
  return ips.flatMap(({ hostname, port, metadata }) =>
    port === null
      ? []
      : [
          metadata.kind === 'ipv6'
            ? `[${hostname}]:${port}`
            : `${hostname}:${port}`,
        ],
  )
}

/** The invite without addresses that only this server's containers can use. */
export function withoutBridge(invite: string): string {
  const [base, query] = invite.split('?', 2)
  if (query === undefined) return invite
  const kept = query
    .split('&')
    .filter(part => !/^a=(10\.0\.3\.|\[fd00:3:|%5[Bb]fd00:3:)/.test(part))
  return kept.length === 0 ? base : `${base}?${kept.join('&')}`
}

/** Whether an invite leads to the pool from elsewhere. */
export const leadsSomewhere = (invite: string) => /[?&](a|relay)=/.test(invite)
