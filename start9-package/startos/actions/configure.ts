/** How the pool mines. */
import { readStore } from '../fileModels/store'
import { i18n } from '../i18n'
import { save } from '../node'
import { sdk } from '../sdk'
import { groups } from './groups'

const { InputSpec, Value } = sdk

const form = InputSpec.of({
  tag: Value.text({
    name: i18n('Coinbase tag'),
    description: i18n(
      'Written into every block found, for all to see; at most 40 bytes.',
    ),
    required: false,
    default: null,
    placeholder: '/my pool/',
    maxLength: 40,
  }),
  sharesPerMinute: Value.number({
    name: i18n('Shares a minute'),
    description: i18n(
      'How often each miner sends a share. More makes hashrates steadier and costs bandwidth.',
    ),
    required: true,
    default: 6,
    integer: false,
    min: 0.1,
    max: 1000,
  }),
  minDifficulty: Value.number({
    name: i18n('Least difficulty'),
    description: i18n(
      'No share is easier. 0.00001 suits the smallest hobby miners.',
    ),
    required: true,
    default: 0.00001,
    integer: false,
    min: 0.0000001,
    max: 1000000000,
  }),
  rental: Value.toggle({
    name: i18n('Port for rented hash rate'),
    description: i18n(
      'A port of its own for NiceHash, Braiins and the like, which ask for a high difficulty.',
    ),
    default: false,
  }),
  rentalDifficulty: Value.number({
    name: i18n('Least difficulty of rented hash rate'),
    description: i18n('Marketplaces ask for 524288 or more.'),
    required: true,
    default: 524288,
    integer: false,
    min: 1,
    max: 1000000000000,
  }),
  templateSeconds: Value.number({
    name: i18n('Least time between templates'),
    description: i18n(
      'On the same block, miners get a new template no sooner. A new block never waits.',
    ),
    required: true,
    default: 20,
    integer: false,
    min: 1,
    max: 600,
    units: i18n('seconds'),
  }),
  templateSatoshi: Value.number({
    name: i18n('Fees worth a new template'),
    description: i18n('By how much fees must have risen.'),
    required: true,
    default: 10000,
    integer: true,
    min: 0,
    max: 100000000,
    units: 'sat',
  }),
  log: Value.select({
    name: i18n('Log'),
    description: i18n('How much is written into the logs.'),
    default: 'info',
    values: {
      warn: i18n('Only trouble'),
      info: i18n('What happens'),
      debug: i18n('Everything'),
    },
  }),
})

export const configure = sdk.Action.withInput(
  'configure',
  async () => ({
    name: i18n('Configure'),
    description: i18n('How the pool mines'),
    warning: null,
    allowedStatuses: 'any',
    group: groups.configuration,
    visibility: 'enabled',
  }),
  form,

  async () => {
    const { pool } = await readStore()
    return { ...pool, tag: pool.tag || undefined }
  },

  async ({ effects, input }) => {
    const store = await readStore()
    await save(effects, {
      ...store,
      pool: { ...store.pool, ...input, tag: input.tag ?? '' },
    })
  },
)
