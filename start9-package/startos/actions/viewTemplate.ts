/** What is mined right now, and whom it pays. */
import type { T } from '@start9labs/start-sdk'
import { coinbases, type Coinbase } from '../coinbases'
import { statusFile } from '../fileModels/status'
import { readStore } from '../fileModels/store'
import { i18n } from '../i18n'
import { check } from '../node'
import { sdk } from '../sdk'
import { groups } from './groups'

const SAT_PER_BITCOIN = 100_000_000
/** Of one coinbase; the dashboard shows all. */
const OUTPUTS = 50

export const viewTemplate = sdk.Action.withoutInput(
  'view-template',
  async () => ({
    name: i18n('View Template'),
    description: i18n('The block that is mined right now, and whom it pays'),
    warning: null,
    allowedStatuses: 'only-running',
    group: groups.maintenance,
    visibility: 'enabled',
  }),

  async ({ effects }) => {
    const status = await statusFile.read().once()
    const template = status?.template
    if (!status || !template) {
      throw new Error(
        i18n('There is no block template yet; see the health checks.'),
      )
    }
    const store = await readStore()
    const pays = await check(effects, store)
    const age = Math.round(
      template.age_seconds + Date.now() / 1000 - status.written_at,
    )
    return {
      version: '1',
      title: i18n('Block ${height}', { height: template.height }),
      message: null,
      result: {
        type: 'group',
        value: [
          line(i18n('Pays'), pays),
          line(
            i18n('Amount'),
            bitcoin(template.subsidy + template.fees),
            i18n('${fees} of it are fees', { fees: bitcoin(template.fees) }),
          ),
          line(i18n('Transactions'), String(template.transactions)),
          line(i18n('Age of the template'), `${age} s`),
          line(i18n('Coinbase tag'), store.pool.tag || '—'),
          line(i18n('Builds on'), template.prev_hash),
          ...(await coinbases()).flatMap(outputs),
        ],
      },
    }
  },
)

/** Each output, whose it is, and why. */
function outputs({ class: kind, outputs }: Coinbase): T.ActionResultMember[] {
  const shown = outputs
    .slice(0, OUTPUTS)
    .map(({ value, address, owner, why }, number) =>
      line(
        `${kind}, ${number + 1}: ${owner ?? address ?? i18n('no payment')}`,
        bitcoin(value),
        [address, why].filter(Boolean).join(' – '),
      ),
    )
  const more = outputs.length - shown.length
  return more === 0
    ? shown
    : [
        ...shown,
        line(kind, i18n('${count} more: see the dashboard', { count: more })),
      ]
}

const bitcoin = (sat: number) => `${(sat / SAT_PER_BITCOIN).toFixed(8)} BTC`

const line = (
  name: string,
  value: string,
  description: string | null = null,
): T.ActionResultMember => ({
  type: 'single',
  name,
  description,
  value,
  copyable: true,
  qr: false,
  masked: false,
})
