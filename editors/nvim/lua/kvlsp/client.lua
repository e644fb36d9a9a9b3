--- The language client: how the daemon is started, kept alive and told about changed settings.
local options = require('kvlsp.options')
local status = require('kvlsp.status')

local M = {}

local NAME = 'kvlsp'
local RESTARTS = 4 -- a daemon that dies more often than this ...
local WITHIN = 180 -- ... in so many seconds stays down

local missing_told = false
local attached = {} ---@type table<integer, {config: table, buffers: table<integer, true>, stopping: boolean?}>
local deaths = {} ---@type number[]

--- Calls client:NAME(...) on 0.11 and later and client.NAME(...) on 0.10, where methods were plain functions.
function M.call(client, name, ...)
  if vim.fn.has('nvim-0.11') == 1 then
    return client[name](client, ...)
  end
  return client[name](...)
end

---@param bufnr? integer
---@return vim.lsp.Client?
function M.of(bufnr)
  return vim.lsp.get_clients({ name = NAME, bufnr = bufnr })[1]
end

--- Whether the daemon's command can be run; says so once, with what to do, if not.
---@return boolean
function M.available()
  local command = options.get().cmd[1]
  if vim.fn.executable(command) == 1 then
    return true
  end
  if not missing_told then
    missing_told = true
    status.set({ kind = 'error', message = 'daemon not found' })
    vim.schedule(function()
      vim.notify(
        ('kvlsp: the daemon `%s` was not found. Install it with `pip install kvlsp`, or name it in'):format(command)
          .. ' vim.g.kvlsp = { cmd = { "/path/to/kvlsp", "serve" } }. See :checkhealth kvlsp.',
        vim.log.levels.WARN
      )
    end)
  end
  return false
end

--- Normal text only: no help pages, terminals, prompts or lists.
local function wanted(bufnr)
  local chosen = options.get().filetypes
  if vim.bo[bufnr].buftype ~= '' then
    return false
  end
  return chosen == nil or vim.tbl_contains(chosen, vim.bo[bufnr].filetype)
end

local function start(dispatchers, config)
  return vim.lsp.rpc.start(options.get().cmd, dispatchers, { cwd = config and config.cmd_cwd, env = config and config.cmd_env })
end

--- The daemon went away. Neovim does not restart servers; unless it was stopped on purpose, we do.
local function on_exit(code, signal, client_id)
  vim.schedule(function()
    local was = attached[client_id]
    attached[client_id] = nil
    status.forget(client_id)
    local on_purpose = (code == 0 and (signal == 0 or signal == 15)) or (was ~= nil and was.stopping)
    if vim.v.exiting ~= vim.NIL or not was or on_purpose then
      return
    end
    local now = vim.uv.hrtime() / 1e9
    deaths = vim.tbl_filter(function(time)
      return now - time < WITHIN
    end, deaths)
    table.insert(deaths, now)
    if #deaths > RESTARTS then
      status.set({ kind = 'error', message = ('the daemon died %d times; :Kvlsp restart tries again'):format(#deaths) })
      return
    end
    -- The dead client is taken off its buffers in the two scheduled steps that follow this callback.
    vim.defer_fn(function()
      M.attach(was.config, vim.tbl_keys(was.buffers))
    end, 100)
  end)
end

---@param config table
---@param buffers integer[]
function M.attach(config, buffers)
  for _, bufnr in ipairs(buffers) do
    if vim.api.nvim_buf_is_loaded(bufnr) then
      vim.lsp.start(config, { bufnr = bufnr, reuse_client = config.reuse_client, silent = true })
    end
  end
end

--- Remember who is attached where, for a restart.
function M.note_attached(client, bufnr)
  local entry = attached[client.id] or { config = client.config, buffers = {} }
  entry.buffers[bufnr] = true
  attached[client.id] = entry
end

--- The configuration for vim.lsp.config (0.11 and later) or vim.lsp.start (0.10).
function M.config()
  local capabilities = vim.lsp.protocol.make_client_capabilities()
  capabilities.textDocument.inlineCompletion = { dynamicRegistration = false }
  local own = options.get()
  return {
    name = NAME,
    cmd = start,
    filetypes = own.filetypes,
    root_dir = function(bufnr, on_dir)
      if wanted(bufnr) and M.available() then
        on_dir(vim.fs.root(bufnr, '.git'))
      end
    end,
    capabilities = capabilities,
    settings = { kvlsp = next(own.settings) and own.settings or vim.empty_dict() },
    -- The daemon reads changes as they come: telling it early leaves it less to do when the caret rests.
    flags = { debounce_text_changes = 10 },
    reuse_client = function(client, config)
      local entry = attached[client.id]
      return client.name == config.name and not (entry and entry.stopping)
    end,
    before_init = function(params, config)
      local own_settings = vim.tbl_get(config, 'settings', NAME) or {}
      -- status: it is shown here. asksAgain: the first lines of a suggestion may come before the last ones.
      params.initializationOptions = vim.tbl_extend('force', own_settings, { status = true, asksAgain = true })
    end,
    handlers = {
      ['kvlsp/status'] = function(_, params, context)
        status.set(params, context.client_id)
        if params.kind == 'ready' and type(params.last) == 'table' then
          local more = vim.tbl_get(params.last, 'report', 'more') == true
          if more or params.last.reason == 'deadline' or params.last.reason == 'not_ready' then
            require('kvlsp.completion').ask_again(more)
          end
        end
      end,
    },
    on_exit = on_exit,
  }
end

--- Starts the client for a buffer where vim.lsp.enable does not exist (0.10).
function M.start_for(bufnr)
  if wanted(bufnr) and M.available() then
    local config = M.config()
    config.root_dir = vim.fs.root(bufnr, '.git') or vim.fn.getcwd()
    vim.lsp.start(config, { bufnr = bufnr, reuse_client = config.reuse_client })
  end
end

--- Stops the daemon and starts it again for the buffers it served.
function M.restart()
  deaths, missing_told = {}, false
  local clients = vim.lsp.get_clients({ name = NAME })
  for _, client in ipairs(clients) do
    local was = attached[client.id] or { config = client.config, buffers = client.attached_buffers }
    was.stopping = true
    attached[client.id] = was
    local buffers = vim.tbl_keys(was.buffers)
    M.call(client, 'stop')
    local tries = 0
    local function again()
      tries = tries + 1
      if vim.lsp.get_client_by_id(client.id) == nil then
        M.attach(was.config, buffers)
      elseif tries == 50 then
        M.call(client, 'stop', true)
        vim.defer_fn(again, 100)
      elseif tries < 100 then
        vim.defer_fn(again, 100)
      end
    end
    again()
  end
  if #clients == 0 then
    vim.api.nvim_exec_autocmds('FileType', { buffer = vim.api.nvim_get_current_buf(), modeline = false })
  end
end

--- Changes daemon settings while it runs; `change` edits the table in place.
---@param change fun(settings: table)
function M.configure(change)
  for _, client in ipairs(vim.lsp.get_clients({ name = NAME })) do
    local settings = client.config.settings or {}
    settings.kvlsp = vim.deepcopy(settings.kvlsp or {})
    change(settings.kvlsp)
    client.config.settings, client.settings = settings, settings
    M.call(client, 'notify', 'workspace/didChangeConfiguration', { settings = settings })
  end
end

--- Whether the user has switched suggestions off, everywhere or for the language of this buffer.
---@return boolean
function M.is_off(bufnr)
  local found = M.of(bufnr)
  local settings = found and vim.tbl_get(found.config, 'settings', NAME) or {}
  return settings.enable == false or vim.tbl_contains(settings.disabledLanguages or {}, M.language(found, bufnr))
end

--- The language id the daemon knows a buffer by.
function M.language(client, bufnr)
  local filetype = vim.bo[bufnr].filetype
  return client and client.get_language_id and client.get_language_id(bufnr, filetype) or filetype
end

return M
