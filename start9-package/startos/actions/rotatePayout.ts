/** A fresh address: a new one, or the descriptor's next. */
import { readStore, storeFile } from '../fileModels/store'
import { i18n } from '../i18n'
import { run, save } from '../node'
import { data, files } from '../places'
import { renderConfig } from '../config'
import { replace } from '../replace'
import { sdk } from '../sdk'
import { groups } from './groups'

const { InputSpec, Value } = sdk

const form = InputSpec.of({
  address: Value.dynamicText(async () => {
    const { mode } = (await readStore()).payout
    return {
      name: i18n('New address'),
      description: i18n('Of your own wallet; every block pays it from now on.'),
      required: false,
      default: null,
      placeholder: 'bc1q…',
      maxLength: 90,
      disabled:
        mode === 'address'
          ? (false as const)
          : i18n('Not needed: the next address of your descriptor is taken.'),
    }
  }),
})

/** What `punchbowl payout --next --json` says. */
type Moved = { address: string; index: number | null; before: string | null }

export const rotatePayout = sdk.Action.withInput(
  'rotate-payout',
  async ({ effects }) => ({
    name: i18n('Rotate Payout'),
    description: i18n(
      'Pay a fresh address from now on: a new one, or the next of your descriptor',
    ),
    warning: null,
    // The pool keeps the descriptor's index; two must not write it.
    allowedStatuses: 'only-stopped',
    group: groups.configuration,
    visibility: ['solo', 'shared'].includes(
      (await readPayoutMode(effects)) ?? '',
    )
      ? { disabled: i18n('Each miner is paid at its own address.') }
      : 'enabled',
  }),
  form,

  async () => null,

  async ({ effects, input }) => {
    const store = await readStore()
    const { mode, address } = store.payout
    const next = input.address?.trim()
    if (mode === 'address') {
      if (!next) throw new Error(i18n('Name the new address.'))
      if (next === address) {
        throw new Error(i18n('That is the address that is paid already.'))
      }
      await save(effects, {
        ...store,
        payout: { ...store.payout, address: next },
      })
      return moved(address ?? '', next)
    }
    if (mode === 'descriptor') {
      await replace(files.candidate, renderConfig(store))
      const { code, stdout, stderr } = await run(effects, [
        'payout',
        '--next',
        '--json',
        '--config',
        `${data}/${files.candidate}`,
      ])
      if (code !== 0) throw new Error(stderr.trim())
      const { before, address: after } = JSON.parse(stdout) as Moved
      return moved(before ?? '', after)
    }
    throw new Error(
      mode === 'solo' || mode === 'shared'
        ? i18n('Each miner is paid at its own address.')
        : i18n('Nobody is named to be paid. Do the task Set Payout first.'),
    )
  },
)

async function readPayoutMode(effects: Parameters<typeof run>[0]) {
  return storeFile.read(store => store.payout.mode).const(effects)
}

const moved = (before: string, after: string) => ({
  version: '1' as const,
  title: i18n('Rotate Payout'),
  message: i18n('Blocks pay ${after} instead of ${before} from now on.', {
    after,
    before,
  }),
  result: null,
})
