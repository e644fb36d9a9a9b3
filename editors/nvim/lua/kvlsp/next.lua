--- The next edit: what was just written made something else wrong; the daemon says where and what belongs there.
---
--- One place is shown at a time, as the new line below the old one. One key takes it, wherever the caret is, and the
--- next place is asked for; another only goes there. Nothing is asked while a word is being typed.
local feedback = require('kvlsp.feedback')

local M = {}

local api = vim.api
local namespace = api.nvim_create_namespace('kvlsp.next')

local QUIET = 300 -- milliseconds without a change before it is asked for in normal mode ...
local TYPING = 700 -- ... and while inserting

---@class kvlsp.NextEdit
---@field client_id integer
---@field edit table as the daemon gave it
---@field row integer 0-based line that it replaces
---@field text string
---@field tick integer of the buffer for which it holds

---@class kvlsp.NextState
---@field timer uv.uv_timer_t
---@field asked integer counts requests; an older answer is dropped
---@field shown? kvlsp.NextEdit
local states = {} ---@type table<integer, kvlsp.NextState>

local function client_of(bufnr)
  return require('kvlsp.client').of(bufnr)
end

local function settings_of(client)
  return vim.tbl_get(client.config, 'settings', 'kvlsp') or {}
end

local function state_of(bufnr)
  local state = states[bufnr]
  if not state then
    state = { timer = assert(vim.uv.new_timer()), asked = 0 }
    states[bufnr] = state
  end
  return state
end

--- Takes what is shown off the screen.
function M.clear(bufnr)
  local state = states[bufnr]
  if state then
    state.shown = nil
    state.asked = state.asked + 1
    state.timer:stop()
  end
  if api.nvim_buf_is_valid(bufnr) then
    api.nvim_buf_clear_namespace(bufnr, namespace, 0, -1)
  end
end

local function draw(bufnr, shown)
  local line = api.nvim_buf_get_lines(bufnr, shown.row, shown.row + 1, false)[1] or ''
  api.nvim_buf_set_extmark(bufnr, namespace, shown.row, 0, { end_col = #line, hl_group = 'KvlspNextOld' })
  local below = {}
  for _, text in ipairs(vim.split(shown.text, '\n')) do
    table.insert(below, { { text, 'KvlspNextNew' } })
  end
  api.nvim_buf_set_extmark(bufnr, namespace, shown.row, 0, { virt_lines = below })
  local caret = api.nvim_get_current_buf() == bufnr and api.nvim_win_get_cursor(0)[1] - 1 or shown.row
  if caret ~= shown.row then
    local hint = ('%s next edit: line %d'):format(shown.row > caret and '↓' or '↑', shown.row + 1)
    api.nvim_buf_set_extmark(bufnr, namespace, caret, 0, { virt_text = { { hint, 'KvlspHint' } }, virt_text_pos = 'eol' })
  end
end

local function received(bufnr, client, number, tick, told, result)
  local state = states[bufnr]
  if not state or state.asked ~= number or not api.nvim_buf_is_valid(bufnr) then
    return
  end
  if api.nvim_buf_get_changedtick(bufnr) ~= tick then
    return
  end
  local edit = type(result) == 'table' and type(result.edits) == 'table' and result.edits[1] or nil
  if not edit then
    if told then
      vim.notify('kvlsp: no next edit here')
    end
    return
  end
  state.shown = { client_id = client.id, edit = edit, row = edit.range.start.line, text = edit.text, tick = tick }
  draw(bufnr, state.shown)
  require('kvlsp.client').call(client, 'notify', 'textDocument/didShowInlineEdit', { item = { command = edit.command } })
end

--- Asks now. `told`: say so where there is none. `automatic`: nobody asked, thin evidence will not do.
---@param told? boolean
---@param automatic? boolean
function M.ask(told, automatic)
  local bufnr = api.nvim_get_current_buf()
  local client = client_of(bufnr)
  if not client then
    return
  end
  M.clear(bufnr)
  local state = state_of(bufnr)
  local number, tick = state.asked, api.nvim_buf_get_changedtick(bufnr)
  local params = vim.lsp.util.make_position_params(0, client.offset_encoding)
  params.context = { triggerKind = automatic and 2 or 1 }
  require('kvlsp.client').call(client, 'request', 'textDocument/copilotInlineEdit', params, function(_, result)
    received(bufnr, client, number, tick, told, result)
  end, bufnr)
end

--- The text has changed: what was shown holds no more, and with `nextEdit = 'on'` it is asked for at rest.
function M.changed(bufnr, wait)
  M.clear(bufnr)
  local client = client_of(bufnr)
  if not client or settings_of(client).nextEdit ~= 'on' then
    return
  end
  state_of(bufnr).timer:start(wait, 0, vim.schedule_wrap(function()
    if api.nvim_get_current_buf() == bufnr and not vim.fn.mode():find('^[vVsS\22\19R]') then
      M.ask(false, true)
    end
  end))
end

--- What is shown in the current buffer, if it still holds.
local function shown_here()
  local bufnr = api.nvim_get_current_buf()
  local shown = states[bufnr] and states[bufnr].shown
  if shown and shown.tick == api.nvim_buf_get_changedtick(bufnr) then
    return shown, bufnr
  end
end

--- Goes to the place; false where none is shown.
---@return boolean
function M.jump()
  local shown, bufnr = shown_here()
  if not shown then
    return false
  end
  vim.cmd("normal! m'")
  api.nvim_win_set_cursor(0, { shown.row + 1, math.max(0, #(vim.fn.matchstr(shown.text, '^\\s*'))) })
  api.nvim_buf_clear_namespace(bufnr, namespace, 0, -1)
  draw(bufnr, shown)
  return true
end

--- Takes the edit, goes there, and asks for the next one; false where none is shown.
---@return boolean
function M.apply()
  local shown, bufnr = shown_here()
  if not shown then
    return false
  end
  local client = vim.lsp.get_client_by_id(shown.client_id)
  M.clear(bufnr)
  vim.cmd("normal! m'")
  vim.lsp.util.apply_text_edits({ { range = shown.edit.range, newText = shown.edit.text } }, bufnr,
    client and client.offset_encoding or 'utf-16')
  api.nvim_win_set_cursor(0, { shown.row + 1, #(vim.fn.matchstr(shown.text, '^\\s*')) })
  feedback.accepted(client, shown.edit.command, bufnr)
  state_of(bufnr).timer:start(30, 0, vim.schedule_wrap(function()
    if api.nvim_get_current_buf() == bufnr then
      M.ask(false)
    end
  end))
  return true
end

--- Turns it down: it does not come back here.
---@return boolean
function M.dismiss()
  local shown, bufnr = shown_here()
  if not shown then
    return false
  end
  feedback.rejected(vim.lsp.get_client_by_id(shown.client_id), shown.edit.command)
  M.clear(bufnr)
  return true
end

function M.attach(bufnr)
  local group = api.nvim_create_augroup('kvlsp.next.' .. bufnr, { clear = true })
  local function on(events, wait)
    api.nvim_create_autocmd(events, { group = group, buffer = bufnr, callback = function()
      local state = states[bufnr]
      local chained = state and state.shown == nil and state.timer:is_active() and state.timer:get_due_in() <= 30
      if not chained then
        M.changed(bufnr, wait)
      end
    end })
  end
  on({ 'TextChanged', 'InsertLeave' }, QUIET)
  on({ 'TextChangedI', 'TextChangedP' }, TYPING)
end

function M.detach(bufnr)
  pcall(api.nvim_del_augroup_by_name, 'kvlsp.next.' .. bufnr)
  local state = states[bufnr]
  M.clear(bufnr)
  if state then
    state.timer:close()
    states[bufnr] = nil
  end
end

return M
