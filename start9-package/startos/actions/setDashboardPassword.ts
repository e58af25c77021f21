/** What lets the host change settings on the dashboard. Looking needs no password. */
import { readStore } from '../fileModels/store'
import { i18n } from '../i18n'
import { renderConfig } from '../config'
import { run } from '../node'
import { data, files } from '../places'
import { replace } from '../replace'
import { sdk } from '../sdk'
import { groups } from './groups'

const { InputSpec, Value } = sdk

const random = { charset: 'a-z,A-Z,0-9', len: 20 }

const form = InputSpec.of({
  password: Value.text({
    name: i18n('Password'),
    description: i18n('At least eight characters. Only a hash of it is kept.'),
    required: true,
    default: random,
    generate: random,
    masked: true,
    minLength: 8,
    maxLength: 200,
  }),
})

export const setDashboardPassword = sdk.Action.withInput(
  'set-dashboard-password',
  async () => ({
    name: i18n('Set Dashboard Password'),
    description: i18n('Sign in on the dashboard as the host of this pool'),
    warning: null,
    allowedStatuses: 'any',
    group: groups.maintenance,
    visibility: 'enabled',
  }),
  form,

  async () => null,

  async ({ effects, input: { password } }) => {
    // It is handed over as a line.
    if (password !== password.trim()) {
      throw new Error(i18n('No space at either end.'))
    }
    await replace(files.candidate, renderConfig(await readStore()))
    const { code, stderr } = await run(
      effects,
      ['password', '--config', `${data}/${files.candidate}`],
      `${password}\n`,
    )
    if (code !== 0) throw new Error(stderr.trim())
    return {
      version: '1',
      title: i18n('Set Dashboard Password'),
      message: i18n('Whoever was signed in is signed out.'),
      result: {
        type: 'single',
        value: password,
        copyable: true,
        qr: false,
        masked: true,
      },
    }
  },
)
