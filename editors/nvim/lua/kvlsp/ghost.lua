--- Ghost text drawn by this plugin, for Neovim without inline completion and for those who want it sooner.
---
--- A suggestion is text that stands from `row, col` on; what the user has typed since is a prefix of it, or it is
--- dropped. So typing through a suggestion only shortens what is drawn and asks nothing.
local options = require('kvlsp.options')
local feedback = require('kvlsp.feedback')
local portion = require('kvlsp.portion')

local M = {}

local api = vim.api
local namespace = api.nvim_create_namespace('kvlsp.ghost')

---@class kvlsp.Suggestion
---@field row integer 0-based line where the suggestion starts
---@field col integer byte column there
---@field tail integer bytes right of the caret that the suggestion replaces
---@field text string
---@field command? table

---@class kvlsp.Ghost
---@field client_id integer
---@field suggestions kvlsp.Suggestion[]
---@field index integer
---@field timer uv.uv_timer_t
---@field pending? integer id of the request under way
---@field asked integer counts requests; an older answer is dropped
local ghosts = {} ---@type table<integer, kvlsp.Ghost>

local function call(client, name, ...)
  return require('kvlsp.client').call(client, name, ...)
end

--- The caret of the current window as 0-based row and byte column; nil when the window shows another buffer.
local function caret(bufnr)
  if api.nvim_get_current_buf() ~= bufnr then
    return nil
  end
  local position = api.nvim_win_get_cursor(0)
  return position[1] - 1, position[2]
end

--- What of the suggestion is still to come after the caret, or nil when the text took another turn.
---@param suggestion kvlsp.Suggestion
local function remaining(bufnr, suggestion)
  local row, col = caret(bufnr)
  if not row or row < suggestion.row or (row == suggestion.row and col < suggestion.col) then
    return nil
  end
  local ok, lines = pcall(api.nvim_buf_get_text, bufnr, suggestion.row, suggestion.col, row, col, {})
  local typed = ok and table.concat(lines, '\n')
  if not typed or suggestion.text:sub(1, #typed) ~= typed then
    return nil
  end
  return suggestion.text:sub(#typed + 1), typed
end

function M.clear(bufnr)
  local ghost = ghosts[bufnr]
  if ghost then
    ghost.suggestions, ghost.index = {}, 1
  end
  if api.nvim_buf_is_valid(bufnr) then
    api.nvim_buf_clear_namespace(bufnr, namespace, 0, -1)
  end
end

--- Draws the current suggestion at the caret.
---@return boolean whether something is shown
local function draw(bufnr)
  local ghost = ghosts[bufnr]
  api.nvim_buf_clear_namespace(bufnr, namespace, 0, -1)
  local suggestion = ghost and ghost.suggestions[ghost.index]
  if not suggestion then
    return false
  end
  local rest = remaining(bufnr, suggestion)
  if not rest or rest == '' or vim.fn.pumvisible() == 1 then
    return false
  end
  local row, col = caret(bufnr)
  local replaced = api.nvim_get_current_line():sub(col + 1, col + suggestion.tail)
  if replaced ~= '' and rest:sub(-#replaced) == replaced then
    rest = rest:sub(1, -#replaced - 1) -- what stands there already is not drawn twice
  end
  local lines = vim.split(rest, '\n', { plain = true })
  local below = {}
  for index = 2, #lines do
    table.insert(below, { { lines[index], 'KvlspGhost' } })
  end
  local first = { { lines[1], 'KvlspGhost' } }
  if #ghost.suggestions > 1 and ghost.cycled then
    table.insert(first, { (' (%d/%d)'):format(ghost.index, #ghost.suggestions), 'KvlspHint' })
  end
  api.nvim_buf_set_extmark(bufnr, namespace, row, col, {
    virt_text = first,
    virt_text_pos = 'inline',
    virt_lines = #below > 0 and below or nil,
    hl_mode = 'combine',
  })
  return true
end

--- A byte column from an LSP character offset.
local function byte_column(bufnr, row, character, encoding)
  local text = api.nvim_buf_get_lines(bufnr, row, row + 1, false)[1] or ''
  if encoding == 'utf-8' then
    return math.min(character, #text)
  end
  if vim.fn.has('nvim-0.11') == 1 then
    return vim.str_byteindex(text, encoding, character, false)
  end
  local ok, column = pcall(vim.str_byteindex, text, character, encoding == 'utf-16')
  return ok and column or #text
end

---@return kvlsp.Suggestion?
local function suggestion_of(bufnr, item, row, col, encoding)
  if type(item.insertText) ~= 'string' then
    return nil
  end
  local suggestion = { row = row, col = col, tail = 0, text = item.insertText, command = item.command }
  if item.range then
    local first, last = item.range.start, item.range['end']
    suggestion.row = first.line
    suggestion.col = byte_column(bufnr, first.line, first.character, encoding)
    if last.line == row then
      suggestion.tail = math.max(0, byte_column(bufnr, row, last.character, encoding) - col)
    end
  end
  return suggestion
end

local function cancel(ghost)
  ghost.timer:stop()
  ghost.asked = ghost.asked + 1
  if ghost.pending then
    local client = vim.lsp.get_client_by_id(ghost.client_id)
    if client then
      call(client, 'cancel_request', ghost.pending)
    end
    ghost.pending = nil
  end
end

---@param kind 'automatic'|'invoked'
function M.request(bufnr, kind)
  local ghost = ghosts[bufnr]
  local client = ghost and vim.lsp.get_client_by_id(ghost.client_id)
  local row, col = caret(bufnr)
  if not client or not row or api.nvim_get_mode().mode:sub(1, 1) ~= 'i' then
    return
  end
  cancel(ghost)
  local asked = ghost.asked
  local params = vim.lsp.util.make_position_params(0, client.offset_encoding)
  params.context = { triggerKind = kind == 'invoked' and 1 or 2 }
  local _, id = call(client, 'request', 'textDocument/inlineCompletion', params, function(_, result)
    if ghosts[bufnr] ~= ghost or ghost.asked ~= asked then
      return
    end
    ghost.pending = nil
    if not result or api.nvim_get_mode().mode:sub(1, 1) ~= 'i' then
      return
    end
    ghost.suggestions, ghost.index, ghost.cycled = {}, 1, false
    for _, item in ipairs(result.items or result) do
      table.insert(ghost.suggestions, suggestion_of(bufnr, item, row, col, client.offset_encoding))
    end
    if draw(bufnr) then
      local shown = ghost.suggestions[1]
      feedback.shown(client, shown.text, shown.command)
    end
  end, bufnr)
  ghost.pending = id
end

--- The caret moved or text changed: shorten what is shown, or ask again when the keys rest.
local function moved(bufnr)
  local ghost = ghosts[bufnr]
  if not ghost then
    return
  end
  if draw(bufnr) then
    cancel(ghost)
    return
  end
  M.clear(bufnr)
  cancel(ghost)
  ghost.timer:start(options.get().debounce, 0, vim.schedule_wrap(function()
    M.request(bufnr, 'automatic')
  end))
end

function M.attach(client, bufnr)
  M.detach(bufnr)
  if not client.server_capabilities.inlineCompletionProvider then
    return
  end
  ghosts[bufnr] = { client_id = client.id, suggestions = {}, index = 1, timer = assert(vim.uv.new_timer()), asked = 0 }
  local group = api.nvim_create_augroup('kvlsp.ghost.' .. bufnr, { clear = true })
  api.nvim_create_autocmd({ 'InsertEnter', 'TextChangedI', 'CursorMovedI', 'TextChangedP', 'CompleteDone' }, {
    group = group,
    buffer = bufnr,
    callback = function()
      -- InsertEnter comes before the mode has changed.
      vim.schedule(function()
        moved(bufnr)
      end)
    end,
  })
  api.nvim_create_autocmd({ 'InsertLeave', 'BufLeave' }, {
    group = group,
    buffer = bufnr,
    callback = function()
      local ghost = ghosts[bufnr]
      if ghost then
        cancel(ghost)
      end
      M.clear(bufnr)
    end,
  })
  if api.nvim_get_mode().mode:sub(1, 1) == 'i' then
    moved(bufnr)
  end
end

function M.detach(bufnr)
  local ghost = ghosts[bufnr]
  if ghost then
    cancel(ghost)
    ghost.timer:close()
    M.clear(bufnr)
    ghosts[bufnr] = nil
    api.nvim_del_augroup_by_name('kvlsp.ghost.' .. bufnr)
  end
end

--- Puts text before the caret, replacing `tail` bytes after it, and moves the caret behind it.
local function insert(bufnr, text, tail)
  local row, col = caret(bufnr)
  local lines = vim.split(text, '\n', { plain = true })
  api.nvim_buf_set_text(bufnr, row, col, row, math.min(col + tail, #api.nvim_get_current_line()), lines)
  local last = lines[#lines]
  api.nvim_win_set_cursor(0, { row + #lines, #lines == 1 and col + #last or #last })
end

---@param part 'all'|'word'|'line'
---@return boolean whether there was something to accept
function M.accept(bufnr, part)
  local ghost = ghosts[bufnr]
  local suggestion = ghost and ghost.suggestions[ghost.index]
  local rest = suggestion and remaining(bufnr, suggestion)
  if not rest or rest == '' then
    return false
  end
  -- Text must not change while an expression map is evaluated.
  vim.schedule(function()
    local now, typed = remaining(bufnr, suggestion)
    if not now or now == '' then
      return
    end
    local client = vim.lsp.get_client_by_id(ghost.client_id)
    local piece = portion.cut(now, part)
    if piece == now then
      M.clear(bufnr)
      insert(bufnr, now, suggestion.tail)
      feedback.accepted(client, suggestion.command, bufnr)
    else
      insert(bufnr, piece, 0)
      draw(bufnr)
      feedback.partially_accepted(client, suggestion.text, suggestion.command, typed .. piece)
    end
  end)
  return true
end

---@return boolean
function M.dismiss(bufnr)
  local ghost = ghosts[bufnr]
  local suggestion = ghost and ghost.suggestions[ghost.index]
  if not suggestion then
    return false
  end
  vim.schedule(function()
    cancel(ghost)
    M.clear(bufnr)
    feedback.rejected(vim.lsp.get_client_by_id(ghost.client_id), suggestion.command)
  end)
  return true
end

---@param step integer
function M.cycle(bufnr, step)
  local ghost = ghosts[bufnr]
  if ghost and #ghost.suggestions > 0 then
    ghost.index = (ghost.index - 1 + step) % #ghost.suggestions + 1
    ghost.cycled = true
    draw(bufnr)
  end
end

return M
