import { storeFile } from './fileModels/store'
import { i18n } from './i18n'
import { hostId, interfaceIds, ports } from './places'
import { sdk } from './sdk'

/** Not HTTP, not TLS: passed on as it is, UDP as well as TCP. Null for `secure` would keep it off
 * the network at home. */
const raw = {
  protocol: null,
  addSsl: null,
  secure: { ssl: false },
} as const

const plain = {
  masked: false,
  username: null,
  path: '',
  query: {},
} as const

export const setInterfaces = sdk.setupInterfaces(async ({ effects }) => {
  const rental = await storeFile.read(store => store.pool.rental).const(effects)
  const host = sdk.MultiHost.of(effects, hostId)

  const http = await host.bindPort(ports.http, {
    protocol: 'http',
    preferredExternalPort: 80,
  })
  const receipts = [
    await http.export([
      sdk.createInterface(effects, {
        ...plain,
        id: interfaceIds.http,
        name: i18n('Dashboard'),
        description: i18n('Miners, shares, blocks and payouts'),
        type: 'ui',
        schemeOverride: null,
      }),
    ]),
  ]

  const stratum = async (
    port: number,
    id: string,
    name: string,
    description: string,
    scheme: string,
  ) => {
    const origin = await host.bindPort(port, {
      ...raw,
      preferredExternalPort: port,
    })
    receipts.push(
      await origin.export([
        sdk.createInterface(effects, {
          ...plain,
          id,
          name,
          description,
          type: 'api',
          schemeOverride: { ssl: null, noSsl: scheme },
        }),
      ]),
    )
  }
  await stratum(
    ports.sv2,
    interfaceIds.sv2,
    i18n('Stratum V2'),
    i18n(
      'For miners and proxies that speak Stratum V2. Sealed: may be opened to the internet. Connection Info shows the whole address with the key.',
    ),
    'stratum2+tcp',
  )
  await stratum(
    ports.sv1,
    interfaceIds.sv1,
    i18n('Stratum V1'),
    i18n(
      'For old miners (Bitaxe, Antminer, Whatsminer, Avalon, NerdMiner). Not sealed: keep it on your own network.',
    ),
    'stratum+tcp',
  )
  if (rental) {
    await stratum(
      ports.rental,
      interfaceIds.rental,
      i18n('Stratum V1 for rented hash rate'),
      i18n('Never below the difficulty that marketplaces ask for.'),
      'stratum+tcp',
    )
  }

  const node = await host.bindPort(ports.node, {
    ...raw,
    preferredExternalPort: ports.node,
  })
  receipts.push(
    await node.export([
      sdk.createInterface(effects, {
        ...plain,
        id: interfaceIds.node,
        name: i18n('Node ID (UDP)'),
        description: i18n(
          'Where members with an invite connect, through most routers. Make it public to let them connect directly.',
        ),
        type: 'p2p',
        schemeOverride: { ssl: null, noSsl: null },
      }),
    ]),
  )
  return receipts
})
