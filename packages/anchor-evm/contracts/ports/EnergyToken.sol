// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import "./Operations.sol";

/// Energy as an ERC-20 of 9 decimals: 1 token = 1 kWh, 1 base unit = 1 uWh. Operators mint once for each key (a meter and
/// an interval) and move or burn only what its holder approved them for. Errors are those of ERC-6093.
contract EnergyToken is Operations {
    uint8 public constant decimals = 9;
    string public name;
    string public symbol;
    uint256 public totalSupply;
    mapping(address => uint256) public balanceOf;
    mapping(address => mapping(address => uint256)) public allowance;

    event Transfer(address indexed from, address indexed to, uint256 value);
    event Approval(address indexed owner, address indexed spender, uint256 value);

    error ERC20InsufficientBalance(address sender, uint256 balance, uint256 needed);
    error ERC20InsufficientAllowance(address spender, uint256 allowance, uint256 needed);
    error ERC20InvalidReceiver(address receiver);

    constructor(address firstOwner, string memory tokenName, string memory tokenSymbol) Operations(firstOwner) {
        name = tokenName;
        symbol = tokenSymbol;
    }

    function transfer(address to, uint256 value) external returns (bool) {
        _move(msg.sender, to, value);
        return true;
    }

    function approve(address spender, uint256 value) external returns (bool) {
        allowance[msg.sender][spender] = value;
        emit Approval(msg.sender, spender, value);
        return true;
    }

    function transferFrom(address from, address to, uint256 value) external returns (bool) {
        _spend(from, value);
        _move(from, to, value);
        return true;
    }

    function mintOnce(bytes32 key, address to, uint256 value) external onlyOperator returns (bool) {
        if (!_once(key, keccak256(abi.encode("mint", to, value)))) return false;
        if (to == address(0)) revert ERC20InvalidReceiver(to);
        totalSupply += value;
        balanceOf[to] += value;
        emit Transfer(address(0), to, value);
        return true;
    }

    function burnOnce(bytes32 key, address from, uint256 value) external onlyOperator returns (bool) {
        if (!_once(key, keccak256(abi.encode("burn", from, value)))) return false;
        if (from != msg.sender) _spend(from, value);
        _take(from, value);
        totalSupply -= value;
        emit Transfer(from, address(0), value);
        return true;
    }

    function transferOnce(bytes32 key, address from, address to, uint256 value) external onlyOperator returns (bool) {
        if (!_once(key, keccak256(abi.encode("transfer", from, to, value)))) return false;
        if (from != msg.sender) _spend(from, value);
        _move(from, to, value);
        return true;
    }

    function _move(address from, address to, uint256 value) private {
        if (to == address(0)) revert ERC20InvalidReceiver(to);
        _take(from, value);
        balanceOf[to] += value;
        emit Transfer(from, to, value);
    }

    function _take(address from, uint256 value) private {
        uint256 balance = balanceOf[from];
        if (balance < value) revert ERC20InsufficientBalance(from, balance, value);
        unchecked {
            balanceOf[from] = balance - value;
        }
    }

    /// An allowance of 2^256 - 1 does not run out.
    function _spend(address from, uint256 value) private {
        uint256 allowed = allowance[from][msg.sender];
        if (allowed == type(uint256).max) return;
        if (allowed < value) revert ERC20InsufficientAllowance(msg.sender, allowed, value);
        unchecked {
            allowance[from][msg.sender] = allowed - value;
        }
    }
}
